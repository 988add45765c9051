import type { ModelSummary } from "@/contracts/run";
import type { NoiseAmount } from "@/imaging/noise";
import type { TrainedMethod } from "./method";

/** DnCNN with stored weights: imported ones, or where there are none those of a run. */
export const dncnn: TrainedMethod = {
  name: "dncnn",
  title: "DnCNN",
  network: "dncnn",
  settings:
    "Zhang et al. 2017 with weights that were trained elsewhere; the mean of the noise comes off first; seconds are of the engine for single images",
};

/** KAIR publishes weights by noise level: `dncnn_15`, `dncnn_25` and `dncnn_50`, σ of 255. */
const PUBLISHED = /^dncnn_(15|25|50)$/i;
const LEVELS = 255;

/** The noise that a model was trained for; null where neither file nor published name tells. */
export function noiseOf({ name, noise }: Pick<ModelSummary, "name" | "noise">): NoiseAmount | null {
  if (noise) return noise;
  const level = PUBLISHED.exec(name)?.[1];
  return level === undefined ? null : { mean: 0, std: Number(level) / LEVELS };
}

/**
 * The stored model that stands for a trained method beside the run `runId`: imported before trained here, then that of the
 * nearest σ (unknown ones last), then of the nearest mean, best weights before last ones. Never the run's own. Null
 * where there is none.
 */
export function modelFor(
  { network }: TrainedMethod,
  models: readonly ModelSummary[],
  { std, mean }: NoiseAmount,
  runId: string,
): ModelSummary | null {
  const keys = (model: ModelSummary): number[] => {
    const trained = noiseOf(model);
    return [
      model.kind === "imported" ? 0 : 1,
      trained ? Math.abs(trained.std - std) : Number.MAX_VALUE,
      trained ? Math.abs(trained.mean - mean) : 0,
      model.kind === "last" ? 1 : 0,
    ];
  };
  const before = (a: readonly number[], b: readonly number[]): number =>
    a.map((value, i) => value - (b[i] as number)).find((difference) => difference !== 0) ?? 0;
  const [nearest] = models
    .filter(({ model, runId: of }) => model.name === network && of !== runId)
    .toSorted((a, b) => before(keys(a), keys(b)));
  return nearest ?? null;
}
