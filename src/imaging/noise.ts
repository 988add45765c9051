import { PURPOSE, philox4x32 } from "@/contracts/random";
import { NORMAL_TABLE } from "./normalTable";

/**
 * Gaussian noise whose bits are the same in JavaScript, WGSL and Python, because everything up to the last
 * multiplication is integer arithmetic that fits u32 (one 32×32→64 bit product, split in halves, for σ).
 *
 * 1. Pixel i of image `index` at visit `visit` takes word i & 3 of the Philox block with counter (i >> 2, index, visit, 0)
 *    and key (seed, PURPOSE.noise).
 * 2. `normalFromBits`: bit 31 is the sign; the other 31 bits u are the two-sided tail probability (u + ½)·2⁻³¹, and |z|
 *    (units of 2⁻²⁰) is interpolated between break points that lie 64 to an octave of u, so the tail is as exact as the
 *    middle. |z| ≤ 6.34; the distance to the normal distribution stays below 2·10⁻⁵ in z.
 * 3. Brightness is counted in 1/(255·2¹⁵): V = x·2¹⁵ + mean_q ± ⌊(|z|·σ_q + 2¹⁹) / 2²⁰⌋, clamped to [0, 255·2¹⁵].
 * 4. V < 2²⁴ converts to float32 exactly; times float32(1/(255·2¹⁵)) is one rounded product, equal on every IEEE machine.
 *
 * `pytorch/noise.py` is the same in numpy.
 */
export interface NoiseAmount {
  /** Mean and standard deviation σ of the noise, in units of the [0, 1] brightness scale. */
  readonly mean: number;
  readonly std: number;
}

export interface NoiseKey {
  /** All three are u32: the run's seed, the image's index in its dataset, and how often it has been drawn before. */
  readonly seed: number;
  readonly index: number;
  readonly visit: number;
}

/** Brightness units per grey level, and per [0, 1] range. */
const LEVEL = 1 << 15;
const UNIT = 255 * LEVEL;
const TO_UNIT = Math.fround(1 / UNIT);
/** z is counted in 2⁻²⁰. */
const Z_ONE = 1 << 20;
const Z_HALF = Z_ONE >> 1;

const UNIT_OF_LEVEL = Float32Array.from({ length: 256 }, (_, level) => level / 255);

/** `pixels` / 255, correctly rounded to float32, into `out[offset …]`. */
export function unitPixels(pixels: Uint8Array, out: Float32Array, offset: number): void {
  for (let i = 0; i < pixels.length; i++) out[offset + i] = UNIT_OF_LEVEL[pixels[i] as number] as number;
}

/**
 * pixels/255 + N(mean, std), clamped to [0, 1], into `out[offset …]`. Mean and std are rounded to 1.2·10⁻⁷.
 * Where both round to nothing, the result is `unitPixels`.
 */
export function addNoise(
  pixels: Uint8Array,
  noise: NoiseAmount,
  key: NoiseKey,
  out: Float32Array,
  offset: number,
): void {
  const sigma = quantise(noise.std);
  const mean = quantise(noise.mean);
  if (sigma === 0 && mean === 0) {
    unitPixels(pixels, out, offset);
    return;
  }
  const words = new Uint32Array(4);
  for (let block = 0; block * 4 < pixels.length; block++) {
    philox4x32(block, key.index, key.visit, 0, key.seed, PURPOSE.noise, words, 0);
    const start = block * 4;
    const end = Math.min(4, pixels.length - start);
    for (let word = 0; word < end; word++) {
      const level = (pixels[start + word] as number) * LEVEL;
      out[offset + start + word] = noisyUnit(level + mean, words[word] as number, sigma);
    }
  }
}

/**
 * The same for images of more than 8 bits: `data` in [0, 1] is first rounded to the noise's brightness units (23 bits).
 * Values outside [0, 1] are clamped, NaN counts as 0. Equals `addNoise` on multiples of 1/255.
 */
export function addNoiseToUnit(
  data: Float32Array,
  noise: NoiseAmount,
  key: NoiseKey,
): Float32Array<ArrayBuffer> {
  const sigma = quantise(noise.std);
  const mean = quantise(noise.mean);
  const out = data.map(clampUnit);
  if (sigma === 0 && mean === 0) return out;
  const words = new Uint32Array(4);
  for (let block = 0; block * 4 < out.length; block++) {
    philox4x32(block, key.index, key.visit, 0, key.seed, PURPOSE.noise, words, 0);
    const start = block * 4;
    const end = Math.min(4, out.length - start);
    for (let word = 0; word < end; word++) {
      const level = quantise(out[start + word] as number);
      out[start + word] = noisyUnit(level + mean, words[word] as number, sigma);
    }
  }
  return out;
}

/** A standard normal number in units of 2⁻²⁰ from 32 uniform bits; exact integer, odd in the sign bit. */
export function normalFromBits(bits: number): number {
  const magnitude = halfNormal(bits & 0x7fffffff);
  return bits >>> 31 === 0 ? magnitude : -magnitude;
}

/** NaN counts as 0. */
function clampUnit(value: number): number {
  return value > 0 ? Math.min(value, 1) : 0;
}

/** Brightness in 1/(255·2¹⁵), rounded half up. */
function quantise(brightness: number): number {
  return Math.floor(brightness * UNIT + 0.5);
}

function noisyUnit(level: number, bits: number, sigma: number): number {
  // The product has at most 46 bits: exact in a double.
  const shift = Math.floor((halfNormal(bits & 0x7fffffff) * sigma + Z_HALF) / Z_ONE);
  const value = bits >>> 31 === 0 ? level + shift : level - shift;
  return Math.fround(Math.min(Math.max(value, 0), UNIT) * TO_UNIT);
}

/** |z| in 2⁻²⁰ for the tail probability (u + ½)·2⁻³¹, 0 ≤ u < 2³¹. */
function halfNormal(u: number): number {
  if (u < 128) return NORMAL_TABLE[u] as number;
  const leadingZeros = Math.clz32(u);
  const normalised = u << leadingZeros; // The leading one at bit 31; 6 bits choose the break point, 16 interpolate.
  const index = (25 - leadingZeros) * 64 + ((normalised >>> 25) & 63) + 64;
  const fraction = (normalised >>> 9) & 0xffff;
  const high = NORMAL_TABLE[index] as number;
  const step = high - (NORMAL_TABLE[index + 1] as number);
  return high - ((step * fraction + 0x8000) >>> 16);
}
