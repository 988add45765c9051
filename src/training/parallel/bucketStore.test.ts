import { describe, expect, it } from "vitest";
import { PURPOSE, RandomStream } from "@/contracts/random";
import { BucketStore } from "./bucketStore";
import { HALF_ATOL, HALF_RTOL, scaleOf } from "./halves";

/** Values over many magnitudes, as gradients have them. */
function gradients(length: number, index: number): Float32Array<ArrayBuffer> {
  const stream = new RandomStream(7, PURPOSE.noise, index);
  const unit = () => stream.nextUint32() / 2 ** 32;
  return Float32Array.from({ length }, () => (unit() - 0.5) * 2 ** (-30 * unit()));
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The mean that two replicas get who send halves to each other. */
function meanOf(all: readonly [Float32Array, Float32Array]): Float32Array {
  const floats = all[0].length;
  const stores = all.map((values, rank) => {
    const store = new BucketStore({
      type: "memory",
      ...{ rank, replicas: 2, floats, payload: "f16", memory: null },
    });
    store.gradients.set(values);
    return store;
  }) as [BucketStore, BucketStore];
  const parts = stores.map((store, rank) => ({ rank, ...store.pack(0, rank === 0) }));
  const scales = stores[0].sum(0, parts, [0.5, 0.5], [0, 1]);
  stores[1].takeBack(0, parts[1]?.data as ArrayBuffer, scales, true);
  expect([...stores[1].mean]).toEqual([...stores[0].mean]);
  return stores[0].mean;
}

describe("gradients as halves", () => {
  it("stay within the stated error of two roundings", () => {
    for (const factor of [1, 1e-30, 1e20]) {
      const values = gradients(20_001, 3).map((value) => value * factor);
      const most = largest(values);
      let worst = 0;
      // Of a value and itself the mean is exact: the second rounding finds a half.
      meanOf([values, values]).forEach((mean, i) => {
        const value = values[i] as number;
        const error = Math.abs(mean - value);
        // Float32's own subnormals round too, at 2⁻¹⁴⁹.
        worst = Math.max(worst, error / (HALF_RTOL * Math.abs(value) + HALF_ATOL * most + 2 ** -149));
      });
      expect(worst).toBeLessThanOrEqual(1);
      // The bound is no looser than it must be.
      expect(worst).toBeGreaterThan(0.9);
    }
    const [a, b] = [gradients(5003, 1), gradients(5003, 2).map((value) => value * 100)] as const;
    const most = Math.max(largest(a), largest(b));
    meanOf([a, b]).forEach((mean, i) => {
      const [one, other] = [a[i] as number, b[i] as number];
      const bound = HALF_RTOL * (Math.abs(one) + Math.abs(other)) * 1.001 + 2 * HALF_ATOL * most;
      expect(Math.abs(mean - (one + other) / 2)).toBeLessThanOrEqual(bound);
    });
  });

  it("stay infinite, or no number", () => {
    const overflow = Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY);
    expect([...meanOf([overflow, Float32Array.of(3, 0, 0)])]).toEqual([
      2,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ]);
  });
});

it("a scale brings the largest value between 2¹⁴ and 2¹⁵", () => {
  const bits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number;
  for (const value of [1, 1.999, 2, 16_384, 3e38, 1e-30])
    expect(Math.floor(Math.log2(Math.fround(value) * scaleOf(bits(value))))).toBe(14);
  for (const value of [0, Number.NaN, Number.POSITIVE_INFINITY]) expect(scaleOf(bits(value))).toBe(1);
  expect(scaleOf(1)).toBe(2 ** 126);
});
