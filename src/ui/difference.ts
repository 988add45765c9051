/** Colour-blind safe ends and middle of ColorBrewer's RdBu: blue is darker than before, red brighter. */
const DARKER = [33, 102, 172] as const;
const SAME = [247, 247, 247] as const;
const BRIGHTER = [178, 24, 43] as const;

/**
 * `after` − `before` as opaque RGBA: blue where the image became darker, white where it stayed, red where it became
 * brighter. Full colour at ±`range`; both arrays have the same length, `rgba` four bytes a pixel.
 */
export function differenceToRgba(
  before: Float32Array,
  after: Float32Array,
  range: number,
  rgba: Uint8ClampedArray,
): void {
  for (let i = 0; i < before.length; i++) {
    const change = ((after[i] as number) - (before[i] as number)) / range;
    const amount = Math.min(1, Math.abs(change));
    const end = change < 0 ? DARKER : BRIGHTER;
    const at = i * 4;
    rgba[at] = SAME[0] + (end[0] - SAME[0]) * amount;
    rgba[at + 1] = SAME[1] + (end[1] - SAME[1]) * amount;
    rgba[at + 2] = SAME[2] + (end[2] - SAME[2]) * amount;
    rgba[at + 3] = 255;
  }
}

const SMALLEST_RANGE = 0.02;

/** A range that shows nearly all differences: three root mean squares, rounded up to a hundredth, 0.02 … 1. */
export function differenceRange(before: Float32Array, after: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < before.length; i++) sum += ((after[i] as number) - (before[i] as number)) ** 2;
  const rms = Math.sqrt(sum / Math.max(1, before.length));
  return Math.min(1, Math.max(SMALLEST_RANGE, Math.ceil(rms * 300) / 100));
}
