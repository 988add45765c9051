/**
 * Gradients as scaled halves: value ≈ half / scale, with one power of two a block (`BLOCK_FLOATS` of a bucket) that brings its
 * largest value to [2¹⁴, 2¹⁵). Encoding and decoding a value x of a block whose largest is m changes it by at most
 * `HALF_RTOL`·|x| + `HALF_ATOL`·m.
 */
export const HALF_RTOL = 2 ** -11;
/** Half a unit of the smallest subnormal (2⁻²⁴), over a scale of at least 2¹⁴/m. */
export const HALF_ATOL = 2 ** -39;

const TOP_EXPONENT = 14;
const LARGEST_SCALE_EXPONENT = 126;

/**
 * The scale of a block by the bits of its largest magnitude as float32; 1 where it has nothing but zeros, or a value that is
 * not finite (which then stays so).
 */
export function scaleOf(largestBits: number): number {
  if (largestBits === 0 || largestBits >= 0x7f80_0000) return 1;
  // Of a subnormal the exponent reads as −127: its scale is the largest in any case.
  const exponent = Math.floor(largestBits / 2 ** 23) - 127;
  return 2 ** Math.min(TOP_EXPONENT - exponent, LARGEST_SCALE_EXPONENT);
}
