/**
 * Gradients as scaled halves: value ≈ half / scale, with one power of two a bucket that brings its largest value to
 * [2¹⁴, 2¹⁵). Encoding and decoding a value x of a bucket whose largest is m changes it by at most
 * `HALF_RTOL`·|x| + `HALF_ATOL`·m.
 */
export const HALF_RTOL = 2 ** -11;
/** Half a unit of the smallest subnormal (2⁻²⁴), over a scale of at least 2¹⁴/m. */
export const HALF_ATOL = 2 ** -39;

const TOP_EXPONENT = 14;
const LARGEST_SCALE_EXPONENT = 126;
/** Adding it moves a float32's last bits to where a half's subnormals lie. */
const SUBNORMAL_MAGIC = 0.5;

/** Values are scaled a block at a time, and their bits read when all of the block is written. */
const BLOCK = 1024;
const floats = new Float32Array(BLOCK);
const bits = new Uint32Array(floats.buffer);
const MAGIC_BITS = new Uint32Array(Float32Array.of(SUBNORMAL_MAGIC).buffer)[0] as number;

/** Rounds the first `count` floats of the block to nearest, ties to even; beyond 65,504 infinite. */
function roundBlock(count: number, halves: Uint16Array, first: number): void {
  for (let i = 0; i < count; i++) {
    const all = bits[i] as number;
    const sign = (all >>> 16) & 0x8000;
    const magnitude = all & 0x7fff_ffff;
    let half: number;
    if (magnitude >= 0x4780_0000) half = magnitude > 0x7f80_0000 ? 0x7e00 : 0x7c00;
    else if (magnitude < 0x3880_0000) {
      floats[i] = Math.abs(floats[i] as number) + SUBNORMAL_MAGIC;
      half = (bits[i] as number) - MAGIC_BITS;
    }
    // Rebias the exponent, add just under half a unit, and one more where the last kept bit is odd.
    else half = (magnitude - 0x3800_0000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    halves[first + i] = sign | half;
  }
}

let table: Float32Array | null = null;

/** The value of every half. */
export function halfValues(): Float32Array {
  table ??= Float32Array.from({ length: 2 ** 16 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >>> 10) & 31;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return table;
}

/** The scale of a bucket; 1 where it has nothing but zeros, or a value that is not finite (which then stays so). */
function scaleOf(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i] as number);
    if (!(magnitude <= largest)) largest = magnitude;
  }
  if (largest === 0 || !Number.isFinite(largest)) return 1;
  const exponent = TOP_EXPONENT - Math.floor(Math.log2(largest));
  return 2 ** Math.min(exponent, LARGEST_SCALE_EXPONENT);
}

/** Writes `values` as halves and returns their scale. Infinities and NaN stay. */
export function encodeHalves(values: Float32Array, halves: Uint16Array): number {
  const scale = scaleOf(values);
  for (let first = 0; first < values.length; first += BLOCK) {
    const count = Math.min(BLOCK, values.length - first);
    for (let i = 0; i < count; i++) floats[i] = (values[first + i] as number) * scale;
    roundBlock(count, halves, first);
  }
  return scale;
}

export function decodeHalves(halves: Uint16Array, scale: number, values: Float32Array): void {
  const half = halfValues();
  const unit = 1 / scale;
  for (let i = 0; i < halves.length; i++) values[i] = (half[halves[i] as number] as number) * unit;
}
