/**
 * The lab's only source of randomness: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011), a counter-based generator. Key = (seed, purpose); counter = (block, index, visit, 0). Integer arithmetic
 * only, so that JavaScript, WGSL and Python produce the same bits.
 */
export const PURPOSE = {
  split: 1,
  shuffle: 2,
  noise: 3,
  initialWeights: 4,
  phantom: 5,
  bootstrap: 6,
} as const;
export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** High 32 bits of the 64-bit product of two u32. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const lowLow = aLow * bLow;
  const highLow = aHigh * bLow;
  const lowHigh = aLow * bHigh;
  const middle = (lowLow >>> 16) + (highLow & 0xffff) + (lowHigh & 0xffff);
  return (aHigh * bHigh + (highLow >>> 16) + (lowHigh >>> 16) + (middle >>> 16)) >>> 0;
}

/** Writes the four u32 of block (c0, c1, c2, c3) under key (k0, k1) to `out[offset … offset+3]`. */
export function philox4x32(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
  offset: number,
): void {
  let x0 = c0 >>> 0;
  let x1 = c1 >>> 0;
  let x2 = c2 >>> 0;
  let x3 = c3 >>> 0;
  let key0 = k0 >>> 0;
  let key1 = k1 >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(MULTIPLIER_0, x0);
    const low0 = Math.imul(MULTIPLIER_0, x0) >>> 0;
    const high1 = mulHigh(MULTIPLIER_1, x2);
    const low1 = Math.imul(MULTIPLIER_1, x2) >>> 0;
    const next0 = (high1 ^ x1 ^ key0) >>> 0;
    const next2 = (high0 ^ x3 ^ key1) >>> 0;
    x0 = next0;
    x1 = low1;
    x2 = next2;
    x3 = low0;
    key0 = (key0 + WEYL_0) >>> 0;
    key1 = (key1 + WEYL_1) >>> 0;
  }
  out[offset] = x0;
  out[offset + 1] = x1;
  out[offset + 2] = x2;
  out[offset + 3] = x3;
}

/** A sequence of numbers for (seed, purpose, index, visit). Its state is its position: nothing to store in a checkpoint but these four. */
export class RandomStream {
  private readonly buffer = new Uint32Array(4);
  private block = 0;
  private used = 4;
  private readonly seed: number;
  private readonly purpose: Purpose;
  private readonly index: number;
  private readonly visit: number;

  constructor(seed: number, purpose: Purpose, index = 0, visit = 0) {
    this.seed = seed;
    this.purpose = purpose;
    this.index = index;
    this.visit = visit;
  }

  /** Uniform in [0, 2³²). */
  nextUint32(): number {
    if (this.used === 4) {
      philox4x32(this.block++, this.index, this.visit, 0, this.seed, this.purpose, this.buffer, 0);
      this.used = 0;
    }
    return this.buffer[this.used++] as number;
  }

  /** Uniform in [0, 1) with 53 bits. */
  nextFloat(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform integer in [0, bound), 1 ≤ bound ≤ 2³²; unbiased (rejection). */
  nextInteger(bound: number): number {
    const limit = 4294967296 - (4294967296 % bound);
    for (;;) {
      const value = this.nextUint32();
      if (value < limit) return value % bound;
    }
  }

  /** A permutation of 0 … length−1 (Fisher–Yates from the end). */
  permutation(length: number): Uint32Array {
    const order = Uint32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.nextInteger(i + 1);
      const swap = order[i] as number;
      order[i] = order[j] as number;
      order[j] = swap;
    }
    return order;
  }
}
