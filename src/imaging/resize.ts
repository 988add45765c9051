/**
 * Pillow's bicubic resize of 8-bit grey, byte for byte (Pillow 9.4, `libImaging/Resample.c`): a cubic filter (a = −0.5)
 * widened when shrinking (antialiasing), weights in 22-bit fixed point, the horizontal pass first and its result rounded
 * to bytes before the vertical one.
 */
const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);
const SUPPORT = 2;
const A = -0.5;

function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * A;
  return 0;
}

interface Taps {
  /** Weights a output pixel, the stride of `weights`. */
  readonly stride: number;
  /** First input pixel and number of taps of each output pixel. */
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** Fixed-point weights, [outSize, stride]. */
  readonly weights: Int32Array;
}

function taps(inSize: number, outSize: number): Taps {
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = SUPPORT * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outSize);
  const count = new Int32Array(outSize);
  const weights = new Int32Array(outSize * stride);
  const exact = new Float64Array(stride);
  const inverse = 1 / filterScale;
  for (let out = 0; out < outSize; out++) {
    const center = (out + 0.5) * scale;
    const start = Math.max(Math.trunc(center - support + 0.5), 0);
    const length = Math.min(Math.trunc(center + support + 0.5), inSize) - start;
    let sum = 0;
    for (let i = 0; i < length; i++) {
      const weight = cubic((i + start - center + 0.5) * inverse);
      exact[i] = weight;
      sum += weight;
    }
    for (let i = 0; i < length; i++) {
      const weight = ((exact[i] as number) / sum) * (1 << PRECISION_BITS);
      weights[out * stride + i] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[out] = start;
    count[out] = length;
  }
  return { stride, first, count, weights };
}

function toByte(fixed: number): number {
  const value = fixed >> PRECISION_BITS;
  return value < 0 ? 0 : Math.min(value, 255);
}

/** [height, width] → [height, outWidth] */
function resizeRows(
  pixels: Uint8Array,
  width: number,
  height: number,
  outWidth: number,
): Uint8Array<ArrayBuffer> {
  const { stride, first, count, weights } = taps(width, outWidth);
  const out = new Uint8Array(outWidth * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < outWidth; x++) {
      const start = y * width + (first[x] as number);
      const length = count[x] as number;
      let sum = HALF;
      for (let i = 0; i < length; i++)
        sum += (pixels[start + i] as number) * (weights[x * stride + i] as number);
      out[y * outWidth + x] = toByte(sum);
    }
  return out;
}

/** [height, width] → [outHeight, width] */
function resizeColumns(
  pixels: Uint8Array,
  width: number,
  height: number,
  outHeight: number,
): Uint8Array<ArrayBuffer> {
  const { stride, first, count, weights } = taps(height, outHeight);
  const out = new Uint8Array(width * outHeight);
  const sums = new Int32Array(width);
  for (let y = 0; y < outHeight; y++) {
    sums.fill(HALF);
    const length = count[y] as number;
    // Row by row of the input: it is read in the order it lies in memory.
    for (let i = 0; i < length; i++) {
      const start = ((first[y] as number) + i) * width;
      const weight = weights[y * stride + i] as number;
      for (let x = 0; x < width; x++) sums[x] = (sums[x] as number) + (pixels[start + x] as number) * weight;
    }
    for (let x = 0; x < width; x++) out[y * width + x] = toByte(sums[x] as number);
  }
  return out;
}

/** `pixels` [height, width] → a new [outHeight, outWidth]; equal sizes give a copy. All sides ≥ 1. */
export function resizeBicubic(
  pixels: Uint8Array,
  width: number,
  height: number,
  outWidth: number,
  outHeight: number,
): Uint8Array<ArrayBuffer> {
  const wide = outWidth === width ? new Uint8Array(pixels) : resizeRows(pixels, width, height, outWidth);
  return outHeight === height ? wide : resizeColumns(wide, outWidth, height, outHeight);
}
