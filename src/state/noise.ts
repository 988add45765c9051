import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import type { DatasetRecord } from "@/contracts/dataset";

/** Side of the phantoms shown: the study's. */
const PHANTOM_SIZE = 256;

/** Where the images come from; `index` steps through them. */
export type NoiseSource =
  | { readonly kind: "phantom"; readonly seed: number; readonly size: number }
  | { readonly kind: "dataset"; readonly datasetId: string; readonly imageCount: number };

export interface NoiseSettings {
  readonly source: NoiseSource;
  readonly index: number;
  readonly mean: number;
  readonly std: number;
  readonly seed: number;
  /** The model whose output is shown beside the noisy image. */
  readonly modelId: string | null;
}

export const PHANTOMS: NoiseSource = { kind: "phantom", seed: 42, size: PHANTOM_SIZE };

/** What the noise screen shows; kept while other screens are open. The pictures are in `useNoisePreview`. */
export const noiseStore = createStore<NoiseSettings>(() => ({
  source: PHANTOMS,
  index: 0,
  mean: 0,
  std: 0.1,
  seed: 1,
  modelId: null,
}));

/** Number of images of a source; null where there is no end. */
export function sourceCount(source: NoiseSource): number | null {
  return source.kind === "dataset" ? source.imageCount : null;
}

/** The index `steps` further: a dataset starts over after its last image, phantoms stop at the first. */
export function stepIndex(source: NoiseSource, index: number, steps: number): number {
  const count = sourceCount(source);
  if (count === null) return Math.max(0, index + steps);
  if (count === 0) return 0;
  return (((index + steps) % count) + count) % count;
}

export function changeNoise(part: Partial<Omit<NoiseSettings, "source">>): void {
  noiseStore.setState(part);
}

/** Changes where images come from and starts at the first one. */
export function changeSource(source: NoiseSource): void {
  noiseStore.setState({ source, index: 0 });
}

/**
 * Fits the source to the datasets there are now: one that was deleted gives way to phantoms, one that grew offers its
 * new images.
 */
export function fitSource(datasets: readonly Pick<DatasetRecord, "id" | "imageCount">[]): void {
  const { source } = noiseStore.getState();
  if (source.kind !== "dataset") return;
  const dataset = datasets.find(({ id }) => id === source.datasetId);
  if (!dataset || dataset.imageCount === 0) changeSource(PHANTOMS);
  else if (dataset.imageCount !== source.imageCount)
    noiseStore.setState({ source: { ...source, imageCount: dataset.imageCount } });
}

/** The training screen's address with this noise filled in. */
export function trainWithNoise({ mean, std }: Pick<NoiseSettings, "mean" | "std">): string {
  return `/train?noise.std=${std}&noise.mean=${mean}`;
}

export function useNoiseSettings(): NoiseSettings {
  return useStore(noiseStore);
}
