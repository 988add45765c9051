import type { NetworkName } from "@/contracts/runConfig";
import type { NoiseAmount } from "@/imaging/noise";

/** A grey picture, rows first, brightness about [0, 1]; nothing is clamped. */
export interface Picture {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** What is said of a method. `registry.ts` names all of them. */
export interface MethodDescription {
  /** As in `--baselines` and `result.json`. */
  readonly name: string;
  readonly title: string;
  /** What it does to a picture, with the parameters that depend on σ. */
  readonly settings: string;
}

/** A network of this kind with weights that are stored: there must be some. */
export interface TrainedMethod extends MethodDescription {
  readonly network: NetworkName;
}

/** A denoiser that is not trained. */
export interface DenoisingMethod extends MethodDescription {
  /** A new picture of the same size. The noise is known: its mean is taken off first, σ sets the parameters. */
  denoise(noisy: Picture, noise: NoiseAmount): Float32Array<ArrayBuffer>;
}

/** The picture less the mean of its noise. */
export function lessMean(noisy: Picture, { mean }: NoiseAmount): Picture {
  return { ...noisy, data: noisy.data.map((value) => value - mean) };
}

/** A filter for white noise of deviation σ > 0 as a method: the mean comes off first, and without noise nothing else is done. */
export function filterOf(
  filter: (picture: Picture, std: number) => Float32Array<ArrayBuffer>,
): DenoisingMethod["denoise"] {
  return (noisy, noise) => {
    const picture = lessMean(noisy, noise);
    return noise.std === 0 ? Float32Array.from(picture.data) : filter(picture, noise.std);
  };
}

/** Index of a pixel mirrored at the borders with the border pixel repeated: … 1 0 | 0 1 2 | 2 1 … */
export function mirrored(index: number, length: number): number {
  const period = 2 * length;
  const folded = ((index % period) + period) % period;
  return folded < length ? folded : period - 1 - folded;
}
