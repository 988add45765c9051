/** A square matrix, row by row, and its inverse: an n×n patch P becomes T·P·Tᵀ. */
export interface PatchTransform {
  readonly side: number;
  readonly forward: Float64Array;
  readonly inverse: Float64Array;
}

/** Orthonormal DCT-II. */
export function cosineTransform(side: number): PatchTransform {
  const forward = new Float64Array(side * side);
  const inverse = new Float64Array(side * side);
  for (let k = 0; k < side; k++)
    for (let i = 0; i < side; i++) {
      const value = Math.sqrt((k === 0 ? 1 : 2) / side) * Math.cos((Math.PI * (2 * i + 1) * k) / (2 * side));
      forward[k * side + i] = value;
      inverse[i * side + k] = value;
    }
  return { side, forward, inverse };
}

/** Analysis low-pass filter of the biorthogonal spline wavelet bior1.5 for two pixels and the four before and after; its high-pass is Haar's. */
const BIOR15_LOW = [3, -3, -22, 22, 128, 128, 22, -22, -3, 3].map((tap) => (tap * Math.SQRT2) / 256);

/** Periodic bior1.5 wavelet transform of 8 values over all three levels, its rows scaled to length 1 so that noise keeps its σ. */
export function biorthogonalTransform(): PatchTransform {
  const side = 8;
  const forward = new Float64Array(side * side);
  for (let column = 0; column < side; column++) {
    let smooth = Float64Array.from({ length: side }, (_, i) => (i === column ? 1 : 0));
    while (smooth.length > 1) {
      const { length } = smooth;
      const half = length / 2;
      const at = (i: number): number => smooth[((i % length) + length) % length] as number;
      for (let k = 0; k < half; k++)
        forward[(half + k) * side + column] = (at(2 * k + 1) - at(2 * k)) / Math.SQRT2;
      smooth = Float64Array.from({ length: half }, (_, k) =>
        BIOR15_LOW.reduce((sum, tap, i) => sum + tap * at(2 * k - 4 + i), 0),
      );
    }
    forward[column] = smooth[0] as number;
  }
  for (let row = 0; row < side; row++) {
    const values = forward.subarray(row * side, (row + 1) * side);
    const length = Math.hypot(...values);
    for (let i = 0; i < side; i++) values[i] = (values[i] as number) / length;
  }
  return { side, forward, inverse: inverted(forward, side) };
}

/** Gauss–Jordan elimination with row pivots. */
function inverted(matrix: Float64Array, side: number): Float64Array {
  const left = Float64Array.from(matrix);
  const right = Float64Array.from({ length: side * side }, (_, i) => (i % (side + 1) === 0 ? 1 : 0));
  const row = (of: Float64Array, index: number) => of.subarray(index * side, (index + 1) * side);
  for (let column = 0; column < side; column++) {
    let pivot = column;
    for (let candidate = column + 1; candidate < side; candidate++)
      if (
        Math.abs(left[candidate * side + column] as number) > Math.abs(left[pivot * side + column] as number)
      )
        pivot = candidate;
    const scale = left[pivot * side + column] as number;
    for (const part of [left, right]) {
      const chosen = row(part, pivot).map((value) => value / scale);
      row(part, pivot).set(row(part, column));
      row(part, column).set(chosen);
    }
    for (let other = 0; other < side; other++) {
      const factor = left[other * side + column] as number;
      if (other === column || factor === 0) continue;
      for (const part of [left, right]) {
        const from = row(part, column);
        const to = row(part, other);
        for (let i = 0; i < side; i++) to[i] = (to[i] as number) - factor * (from[i] as number);
      }
    }
  }
  return right;
}

/** M·P·Mᵀ of the patch at `source[from …]`, rows `stride` apart, into `out[to …]`, rows packed. `scratch` holds side² values. */
export function transformPatch(
  side: number,
  matrix: Float64Array,
  source: Float32Array,
  from: number,
  stride: number,
  out: Float32Array,
  to: number,
  scratch: Float64Array,
): void {
  for (let y = 0; y < side; y++)
    for (let k = 0; k < side; k++) {
      let sum = 0;
      for (let x = 0; x < side; x++)
        sum += (matrix[k * side + x] as number) * (source[from + y * stride + x] as number);
      scratch[y * side + k] = sum;
    }
  for (let k = 0; k < side; k++)
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let y = 0; y < side; y++)
        sum += (matrix[k * side + y] as number) * (scratch[y * side + x] as number);
      out[to + k * side + x] = sum;
    }
}

/** Orthonormal Haar transform across `count` (a power of two) vectors of `length` values, in place. */
export function haarForward(group: Float32Array, count: number, length: number, scratch: Float32Array): void {
  for (let half = count / 2; half >= 1; half /= 2) {
    for (let pair = 0; pair < half; pair++)
      for (let i = 0; i < length; i++) {
        const first = group[2 * pair * length + i] as number;
        const second = group[(2 * pair + 1) * length + i] as number;
        scratch[pair * length + i] = (first + second) * Math.SQRT1_2;
        scratch[(half + pair) * length + i] = (first - second) * Math.SQRT1_2;
      }
    group.set(scratch.subarray(0, 2 * half * length));
  }
}

/** The inverse of `haarForward`. */
export function haarInverse(group: Float32Array, count: number, length: number, scratch: Float32Array): void {
  for (let half = 1; half < count; half *= 2) {
    for (let pair = 0; pair < half; pair++)
      for (let i = 0; i < length; i++) {
        const sum = group[pair * length + i] as number;
        const difference = group[(half + pair) * length + i] as number;
        scratch[2 * pair * length + i] = (sum + difference) * Math.SQRT1_2;
        scratch[(2 * pair + 1) * length + i] = (sum - difference) * Math.SQRT1_2;
      }
    group.set(scratch.subarray(0, 2 * half * length));
  }
}
