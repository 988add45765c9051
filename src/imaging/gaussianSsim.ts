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

/** Normalised taps of one half of the window, the middle one first. */
const [G0, G1, G2, G3, G4, G5] = gaussianTaps();

function gaussianTaps(): readonly [number, number, number, number, number, number] {
  const tap = (distance: number): number => Math.exp(-(distance ** 2) / (2 * SIGMA * SIGMA));
  const sum = tap(0) + 2 * (tap(1) + tap(2) + tap(3) + tap(4) + tap(5));
  return [tap(0) / sum, tap(1) / sum, tap(2) / sum, tap(3) / sum, tap(4) / sum, tap(5) / sum];
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
  requireWindow(width, height);
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
  const [x, y] = [
    { data: test, width, height },
    { data: reference, width, height },
  ];
  return multiScale(x, y, similarity(x, y));
}

/**
 * `gaussianSsim` and `msSsim` in the time of the latter: the finest scale is computed once. `msSsim` is null where a side
 * is under `MS_SSIM_MIN_SIDE`. Fails with `shape/ssim` and `shape/metric`.
 */
export function gaussianSimilarities(
  test: Float32Array,
  reference: Float32Array,
  width: number,
  height: number,
): { readonly ssim: number; readonly msSsim: number | null } {
  requireWindow(width, height);
  requireSameLength(test, reference, width * height);
  const [x, y] = [
    { data: test, width, height },
    { data: reference, width, height },
  ];
  const finest = similarity(x, y);
  const tooSmall = Math.min(width, height) < MS_SSIM_MIN_SIDE;
  return { ssim: finest.ssim, msSsim: tooSmall ? null : multiScale(x, y, finest) };
}

function requireWindow(width: number, height: number): void {
  if (width < WINDOW || height < WINDOW)
    throw new LabError(
      "shape/ssim",
      `SSIM of a ${width}×${height} image: its Gaussian window is ${WINDOW}×${WINDOW}.`,
      `Use images of at least ${WINDOW}×${WINDOW} pixels, or SSIM with the 3×3 window.`,
    );
}

/** The product over all scales; `finest` is the similarity at the first. */
function multiScale(x: Image, y: Image, finest: Similarity): number {
  let [a, b] = [x, y];
  let product = 1;
  for (const [scale, weight] of SCALE_WEIGHTS.entries()) {
    if (scale > 0) [a, b] = [halve(a), halve(b)];
    const { ssim, contrastStructure } = scale > 0 ? similarity(a, b) : finest;
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

/**
 * The window is separable: each row is filtered once, and a ring holds the eleven filtered rows that one row of windows
 * needs. Four quantities are enough: x, y, x² + y² and xy.
 */
function similarity(x: Image, y: Image): Similarity {
  const { width, height } = x;
  const across = width - 2 * RADIUS;
  const fourRows = (length: number) =>
    [
      new Float64Array(length),
      new Float64Array(length),
      new Float64Array(length),
      new Float64Array(length),
    ] as const;
  const [rowX, rowY, rowSquares, rowProduct] = fourRows(width);
  const [ringX, ringY, ringSquares, ringProduct] = fourRows(WINDOW * across);
  const [meansX, meansY, meansSquares, meansProduct] = fourRows(across);
  let ssim = 0;
  let contrastStructure = 0;
  for (let row = 0; row < height; row++) {
    const start = row * width;
    for (let column = 0; column < width; column++) {
      const a = x.data[start + column] as number;
      const b = y.data[start + column] as number;
      rowX[column] = a;
      rowY[column] = b;
      rowSquares[column] = a * a + b * b;
      rowProduct[column] = a * b;
    }
    const place = (row % WINDOW) * across;
    filterRow(rowX, ringX, place, across);
    filterRow(rowY, ringY, place, across);
    filterRow(rowSquares, ringSquares, place, across);
    filterRow(rowProduct, ringProduct, place, across);
    if (row < WINDOW - 1) continue;
    const oldest = row + 1;
    filterColumns(ringX, meansX, oldest, across);
    filterColumns(ringY, meansY, oldest, across);
    filterColumns(ringSquares, meansSquares, oldest, across);
    filterColumns(ringProduct, meansProduct, oldest, across);
    for (let column = 0; column < across; column++) {
      const meanX = meansX[column] as number;
      const meanY = meansY[column] as number;
      const squares = meanX * meanX + meanY * meanY;
      const product = meanX * meanY;
      const variances = (meansSquares[column] as number) - squares;
      const covariance = (meansProduct[column] as number) - product;
      const structure = (2 * covariance + C2) / (variances + C2);
      contrastStructure += structure;
      ssim += ((2 * product + C1) / (squares + C1)) * structure;
    }
  }
  const windows = across * (height - 2 * RADIUS);
  return { ssim: ssim / windows, contrastStructure: contrastStructure / windows };
}

/** Window means along one row: row [across + 10] → out [place … place + across). */
function filterRow(row: Float64Array, out: Float64Array, place: number, across: number): void {
  for (let i = 0; i < across; i++)
    out[place + i] =
      G0 * (row[i + 5] as number) +
      G1 * ((row[i + 4] as number) + (row[i + 6] as number)) +
      G2 * ((row[i + 3] as number) + (row[i + 7] as number)) +
      G3 * ((row[i + 2] as number) + (row[i + 8] as number)) +
      G4 * ((row[i + 1] as number) + (row[i + 9] as number)) +
      G5 * ((row[i] as number) + (row[i + 10] as number));
}

/** Window means down the rows of a ring [11, across], of which `oldest` modulo 11 comes first: → out [across]. */
function filterColumns(ring: Float64Array, out: Float64Array, oldest: number, across: number): void {
  const at = (tap: number): number => ((oldest + tap) % WINDOW) * across;
  const [r0, r1, r2, r3, r4, r5] = [at(0), at(1), at(2), at(3), at(4), at(5)];
  const [r6, r7, r8, r9, r10] = [at(6), at(7), at(8), at(9), at(10)];
  for (let i = 0; i < across; i++)
    out[i] =
      G0 * (ring[r5 + i] as number) +
      G1 * ((ring[r4 + i] as number) + (ring[r6 + i] as number)) +
      G2 * ((ring[r3 + i] as number) + (ring[r7 + i] as number)) +
      G3 * ((ring[r2 + i] as number) + (ring[r8 + i] as number)) +
      G4 * ((ring[r1 + i] as number) + (ring[r9 + i] as number)) +
      G5 * ((ring[r0 + i] as number) + (ring[r10 + i] as number));
}
