import type { FurtherMetrics, MeanInterval } from "@/contracts/training";
import { gaussianSimilarities } from "@/imaging/gaussianSsim";
import { meanAbsoluteError, psnrDb, ssim } from "@/imaging/metrics";
import { meanInterval } from "./interval";

/** What is always measured of an image against the clean one; LPIPS is apart, for it needs weights. */
export interface Measures {
  readonly psnrDb: number;
  /** 3×3 window, as in the study. */
  readonly ssim: number;
  readonly mae: number;
  /** 11×11 Gaussian window. */
  readonly ssimGaussian: number;
  /** Null where the side is under `MS_SSIM_MIN_SIDE`. */
  readonly msSsim: number | null;
}

/** PSNR values in files have three digits or more: what differs by more than this is another picture or another noise. */
const SAME_NOISE_DB = 0.01;

/** Whether two PSNR values of a noisy image (infinite ones too) are of the same picture with the same noise. */
export const sameNoise = (aDb: number, bDb: number): boolean =>
  aDb === bDb || Math.abs(aDb - bDb) <= SAME_NOISE_DB;

/** Both [size, size], size at least 11; nothing is clamped. Fails with `shape/ssim` and `shape/metric`. */
export function measure(test: Float32Array, reference: Float32Array, size: number): Measures {
  const gaussian = gaussianSimilarities(test, reference, size, size);
  return {
    psnrDb: psnrDb(test, reference),
    ssim: ssim(test, reference, size, size),
    mae: meanAbsoluteError(test, reference),
    ssimGaussian: gaussian.ssim,
    msSsim: gaussian.msSsim,
  };
}

/** Means over images; what an image does not have (it comes from an earlier version) is left out of all. */
export function furtherMeans(
  images: readonly {
    readonly mae?: number | undefined;
    readonly ssimGaussian?: number | undefined;
    readonly msSsim?: number | null | undefined;
  }[],
): FurtherMetrics {
  const mae = meanOf(images.map((image) => image.mae));
  const ssimGaussian = meanOf(images.map((image) => image.ssimGaussian));
  const msSsim = meanOf(images.map((image) => image.msSsim));
  return {
    ...(mae && { mae }),
    ...(ssimGaussian && { ssimGaussian }),
    ...(msSsim !== undefined && { msSsim }),
  };
}

/** Undefined where a value is missing, null where one is null. */
export function meanOf(values: readonly (number | null | undefined)[]): MeanInterval | null | undefined {
  const known = values.filter((value) => value !== null && value !== undefined);
  if (known.length === values.length && known.length > 0) return meanInterval(known);
  return values.length === 0 || values.includes(undefined) ? undefined : null;
}
