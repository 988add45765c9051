import { LabError } from "@/contracts/failure";
import { requireSameLength } from "./metrics";

const SIGMA = 1.5;
/** scikit-image cuts the Gaussian at 3.5 σ: 11 taps. */
const RADIUS = 5;
const WINDOW = 2 * RADIUS + 1;
const K1 = 0.01;
const K2 = 0.03;
const C1 = K1 * K1;
const C2 = K2 * K2;

/** Exponents of the five scales, finest first (Wang, Simoncelli, Bovik 2003, "Multiscale structural similarity", section 3.2). */
const SCALE_WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333] as const;
/** The coarsest of five scales is 1/16 of the image and must hold one window: (11 − 1)·16 + 1. */
export const MS_SSIM_MIN_SIDE = (WINDOW - 1) * 2 ** (SCALE_WEIGHTS.length - 1) + 1;

const TAPS = gaussianTaps();

function gaussianTaps(): Float64Array {
  const taps = Float64Array.from({ length: WINDOW }, (_, i) =>
    Math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA * SIGMA)),
  );
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

interface Image {
  readonly data: Float32Array | Float64Array;
  readonly width: number;
  readonly height: number;
}

/** Means over all whole windows of SSIM and of its contrast–structure factor. */
interface Similarity {
  readonly ssim: number;
  readonly contrastStructure: number;
}

/**
 * Structural similarity with the 11×11 Gaussian window of Wang et al. 2004 (σ 1.5), as scikit-image's
 * `structural_similarity(data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)`: the mean over
 * the image less a border of 5 pixels, in float64. Images are [height, width], at least 11×11. Identical images give 1.
 * Fails with `shape/ssim` and `shape/metric`.
 */
export function gaussianSsim(
  test: Float32Array,
  reference: Float32Array,
  width: number,
  height: number,
): number {
  if (width < WINDOW || height < WINDOW)
    throw new LabError(
      "shape/ssim",
      `SSIM of a ${width}×${height} image: its Gaussian window is ${WINDOW}×${WINDOW}.`,
      `Use images of at least ${WINDOW}×${WINDOW} pixels, or SSIM with the 3×3 window.`,
    );
  requireSameLength(test, reference, width * height);
  return similarity({ data: test, width, height }, { data: reference, width, height }).ssim;
}

/**
 * Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003): five scales, each the 2×2 means of the one before
 * (an odd last row or column is mirrored, as in the authors' code), Gaussian 11×11 window, data range 1, in float64. The product of the mean
 * contrast–structure of the first four scales and the mean SSIM of the fifth, each to its published exponent; a negative
 * mean counts as 0, for it has no real power. Images are [height, width] with sides of at least `MS_SSIM_MIN_SIDE`.
 * Fails with `shape/ms-ssim` and `shape/metric`.
 */
export function msSsim(test: Float32Array, reference: Float32Array, width: number, height: number): number {
  if (Math.min(width, height) < MS_SSIM_MIN_SIDE)
    throw new LabError(
      "shape/ms-ssim",
      `MS-SSIM of a ${width}×${height} image: at 1/16 of its size it does not hold one ${WINDOW}×${WINDOW} window.`,
      `Use images of at least ${MS_SSIM_MIN_SIDE}×${MS_SSIM_MIN_SIDE} pixels, or SSIM.`,
    );
  requireSameLength(test, reference, width * height);
  let x: Image = { data: test, width, height };
  let y: Image = { data: reference, width, height };
  let product = 1;
  for (const [scale, weight] of SCALE_WEIGHTS.entries()) {
    if (scale > 0) [x, y] = [halve(x), halve(y)];
    const { ssim, contrastStructure } = similarity(x, y);
    const factor = scale === SCALE_WEIGHTS.length - 1 ? ssim : contrastStructure;
    product *= Math.max(factor, 0) ** weight;
  }
  return product;
}

/** 2×2 means, an odd last row or column paired with itself: [height, width] → [⌈height/2⌉, ⌈width/2⌉]. */
function halve({ data, width, height }: Image): Image {
  const [outWidth, outHeight] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const out = new Float64Array(outWidth * outHeight);
  for (let row = 0; row < outHeight; row++) {
    const upper = 2 * row * width;
    const lower = Math.min(2 * row + 1, height - 1) * width;
    for (let column = 0; column < outWidth; column++) {
      const left = 2 * column;
      const right = Math.min(left + 1, width - 1);
      out[row * outWidth + column] =
        ((data[upper + left] as number) +
          (data[upper + right] as number) +
          (data[lower + left] as number) +
          (data[lower + right] as number)) /
        4;
    }
  }
  return { data: out, width: outWidth, height: outHeight };
}

/** The window is separable: sums along columns for one row of windows, then along that row. */
function similarity(x: Image, y: Image): Similarity {
  const { width, height } = x;
  const columns = Array.from({ length: 5 }, () => new Float64Array(width)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [sumX, sumY, sumXX, sumYY, sumXY] = columns;
  let ssim = 0;
  let contrastStructure = 0;
  for (let row = RADIUS; row < height - RADIUS; row++) {
    for (const sums of columns) sums.fill(0);
    for (let tap = 0; tap < WINDOW; tap++) {
      const weight = TAPS[tap] as number;
      const start = (row - RADIUS + tap) * width;
      for (let column = 0; column < width; column++) {
        const a = x.data[start + column] as number;
        const b = y.data[start + column] as number;
        sumX[column] = (sumX[column] as number) + weight * a;
        sumY[column] = (sumY[column] as number) + weight * b;
        sumXX[column] = (sumXX[column] as number) + weight * a * a;
        sumYY[column] = (sumYY[column] as number) + weight * b * b;
        sumXY[column] = (sumXY[column] as number) + weight * a * b;
      }
    }
    for (let column = RADIUS; column < width - RADIUS; column++) {
      const meanX = windowMean(sumX, column);
      const meanY = windowMean(sumY, column);
      const varianceX = windowMean(sumXX, column) - meanX * meanX;
      const varianceY = windowMean(sumYY, column) - meanY * meanY;
      const covariance = windowMean(sumXY, column) - meanX * meanY;
      const structure = (2 * covariance + C2) / (varianceX + varianceY + C2);
      contrastStructure += structure;
      ssim += ((2 * meanX * meanY + C1) / (meanX * meanX + meanY * meanY + C1)) * structure;
    }
  }
  const windows = (width - 2 * RADIUS) * (height - 2 * RADIUS);
  return { ssim: ssim / windows, contrastStructure: contrastStructure / windows };
}

function windowMean(columnSums: Float64Array, column: number): number {
  let sum = 0;
  for (let tap = 0; tap < WINDOW; tap++)
    sum += (TAPS[tap] as number) * (columnSums[column - RADIUS + tap] as number);
  return sum;
}
