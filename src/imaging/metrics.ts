import { LabError } from "@/contracts/failure";

/**
 * Peak signal-to-noise ratio in dB, 10·log₁₀(dataRange² / mean squared error), nothing clamped, summed in float64.
 * Identical images give Infinity. Both images have the same length, at least 1.
 */
export function psnrDb(test: Float32Array, reference: Float32Array, dataRange = 1): number {
  requireSameLength(test, reference, reference.length);
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const difference = (test[i] as number) - (reference[i] as number);
    sum += difference * difference;
  }
  return 10 * Math.log10((dataRange * dataRange * reference.length) / sum);
}

/**
 * Mean absolute error in units of the data, nothing clamped, summed in float64. Both images have the same length, at
 * least 1; fails with `shape/metric`.
 */
export function meanAbsoluteError(test: Float32Array, reference: Float32Array): number {
  requireSameLength(test, reference, reference.length);
  let sum = 0;
  for (let i = 0; i < reference.length; i++) sum += Math.abs((test[i] as number) - (reference[i] as number));
  return sum / reference.length;
}

const K1 = 0.01;
const K2 = 0.03;
const C1 = K1 * K1;
const C2 = K2 * K2;
/** Pixels of the 3×3 window, and n/(n−1) for the sample covariance. */
const WINDOW = 9;
const SAMPLE = WINDOW / (WINDOW - 1);

/**
 * Structural similarity (Wang et al. 2004) as scikit-image's `structural_similarity(data_range=1, win_size=3)`: uniform
 * 3×3 window, sample covariance, mean over the image less a 1-pixel border, in float64. Images are [height, width], at
 * least 3×3. Identical images give exactly 1.
 */
export function ssim(test: Float32Array, reference: Float32Array, width: number, height: number): number {
  if (width < 3 || height < 3)
    throw new LabError(
      "shape/ssim",
      `SSIM of a ${width}×${height} image: its window is 3×3.`,
      "Use images of at least 3×3 pixels.",
    );
  requireSameLength(test, reference, width * height);
  // Column sums over three rows of x, y, x², y², xy; the window's sums are three neighbours of each.
  const x = new Float64Array(width);
  const y = new Float64Array(width);
  const xx = new Float64Array(width);
  const yy = new Float64Array(width);
  const xy = new Float64Array(width);
  let total = 0;
  for (let row = 1; row < height - 1; row++) {
    const above = (row - 1) * width;
    for (let column = 0; column < width; column++) {
      let sumX = 0;
      let sumY = 0;
      let sumXX = 0;
      let sumYY = 0;
      let sumXY = 0;
      for (let i = above + column; i <= above + column + 2 * width; i += width) {
        const a = test[i] as number;
        const b = reference[i] as number;
        sumX += a;
        sumY += b;
        sumXX += a * a;
        sumYY += b * b;
        sumXY += a * b;
      }
      x[column] = sumX;
      y[column] = sumY;
      xx[column] = sumXX;
      yy[column] = sumYY;
      xy[column] = sumXY;
    }
    for (let column = 1; column < width - 1; column++) {
      const meanX = windowMean(x, column);
      const meanY = windowMean(y, column);
      const varianceX = SAMPLE * (windowMean(xx, column) - meanX * meanX);
      const varianceY = SAMPLE * (windowMean(yy, column) - meanY * meanY);
      const covariance = SAMPLE * (windowMean(xy, column) - meanX * meanY);
      total +=
        ((2 * meanX * meanY + C1) * (2 * covariance + C2)) /
        ((meanX * meanX + meanY * meanY + C1) * (varianceX + varianceY + C2));
    }
  }
  return total / ((width - 2) * (height - 2));
}

function windowMean(columnSums: Float64Array, column: number): number {
  return (
    ((columnSums[column - 1] as number) +
      (columnSums[column] as number) +
      (columnSums[column + 1] as number)) /
    WINDOW
  );
}

/** Both images must have `length` values, at least 1. Fails with `shape/metric`. */
export function requireSameLength(test: Float32Array, reference: Float32Array, length: number): void {
  if (length === 0 || test.length !== length || reference.length !== length)
    throw new LabError(
      "shape/metric",
      `Images of ${test.length} and ${reference.length} values cannot be compared as ${length} values.`,
      "Compare two images of the same size.",
    );
}
