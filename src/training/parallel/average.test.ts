import { describe, expect, it } from "vitest";
import { PURPOSE, RandomStream } from "@/contracts/random";
import { averageFloats, averageHalves } from "./average";
import { bucketsOf } from "./buckets";
import { decodeHalves, encodeHalves, HALF_ATOL, HALF_RTOL, halfValues } from "./halves";

/** Values over many magnitudes, as gradients have them. */
function gradients(length: number, index: number): Float32Array<ArrayBuffer> {
  const stream = new RandomStream(7, PURPOSE.noise, index);
  const unit = () => stream.nextUint32() / 2 ** 32;
  return Float32Array.from({ length }, () => (unit() - 0.5) * 2 ** (-30 * unit()));
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe("averageFloats", () => {
  it.each([2, 3, 4])("is the weighted mean of %i, rounded once", (replicas) => {
    const all = Array.from({ length: replicas }, (_, rank) => gradients(1000, rank));
    const weights = all.map((_, rank) => (2 * (rank + 1)) / (replicas * (replicas + 1)));
    const mean = new Float32Array(1000);
    averageFloats(all, weights, mean);
    mean.forEach((value, i) => {
      let sum = 0;
      for (const [rank, gradient] of all.entries())
        sum += (weights[rank] as number) * (gradient[i] as number);
      expect(value).toBe(Math.fround(sum));
    });
  });

  it("of equal gradients is that gradient, bit for bit", () => {
    const one = gradients(1000, 1);
    const mean = new Float32Array(1000);
    averageFloats([one, one], [0.5, 0.5], mean);
    expect(mean).toEqual(one);
  });

  it("is finite nowhere where one replica overflowed", () => {
    const mean = new Float32Array(3);
    averageFloats(
      [
        Float32Array.of(1, Number.POSITIVE_INFINITY, Number.NaN),
        Float32Array.of(1, Number.NEGATIVE_INFINITY, 0),
      ],
      [0.5, 0.5],
      mean,
    );
    expect([...mean].map(Number.isFinite)).toEqual([true, false, false]);
  });
});

describe("halves", () => {
  it("round to the nearest, ties to even, exactly where a half is", () => {
    const halves = new Uint16Array(4);
    // The largest is 2¹⁴ so that the scale is 1.
    encodeHalves(Float32Array.of(16384, 2049, 2051, -(2 ** -25) * 1.5), halves);
    expect([...halves].map((half) => halfValues()[half])).toEqual([16384, 2048, 2052, -(2 ** -24)]);
    for (let half = 0; half < 0x7000; half += 7) {
      const value = halfValues()[half] as number;
      encodeHalves(Float32Array.of(16384, value, -value), halves);
      expect([halves[1], halves[2]]).toEqual([half, value === 0 ? 0x8000 : half | 0x8000]);
    }
  });

  it("stay within the stated error", () => {
    for (const factor of [1, 1e-30, 1e20]) {
      const values = gradients(20_000, 3).map((value) => value * factor);
      const halves = new Uint16Array(values.length);
      const decoded = new Float32Array(values.length);
      decodeHalves(halves, encodeHalves(values, halves), decoded);
      const most = largest(values);
      let worst = 0;
      values.forEach((value, i) => {
        const error = Math.abs((decoded[i] as number) - value);
        // Float32's own subnormals round too, at 2⁻¹⁴⁹.
        worst = Math.max(worst, error / (HALF_RTOL * Math.abs(value) + HALF_ATOL * most + 2 ** -149));
      });
      expect(worst).toBeLessThanOrEqual(1);
      // The bound is no looser than it must be.
      expect(worst).toBeGreaterThan(0.9);
    }
  });

  it("average within the error of two roundings, and keep overflows", () => {
    const all = [gradients(5000, 1), gradients(5000, 2).map((value) => value * 100)];
    const encoded = all.map((values) => {
      const halves = new Uint16Array(values.length);
      return { halves, scale: encodeHalves(values, halves) };
    });
    const mean = new Uint16Array(5000);
    const decoded = new Float32Array(5000);
    decodeHalves(mean, averageHalves(encoded, [0.5, 0.5], mean, new Float32Array(5000)), decoded);
    const most = Math.max(...all.map(largest));
    decoded.forEach((value, i) => {
      const [a, b] = all.map((values) => values[i] as number) as [number, number];
      const bound = HALF_RTOL * (Math.abs(a) + Math.abs(b)) * 1.001 + 2 * HALF_ATOL * most;
      expect(Math.abs(value - (a + b) / 2)).toBeLessThanOrEqual(bound);
    });
    const overflow = new Uint16Array(2);
    const scale = encodeHalves(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY), overflow);
    const kept = new Float32Array(2);
    decodeHalves(overflow, averageHalves([{ halves: overflow, scale }], [1], overflow, kept), kept);
    expect([...kept]).toEqual([Number.NaN, Number.POSITIVE_INFINITY]);
  });
});

describe("buckets", () => {
  it.each([1, 2 ** 21, 2 ** 22 + 1, 31_036_481, 36_621_185])(
    "of %i floats cover them, last first",
    (floats) => {
      const buckets = bucketsOf(floats, "f32");
      let end = floats;
      for (const { offset, length } of buckets) {
        expect(offset + length).toBe(end);
        end = offset;
        if (floats > 2 ** 21) {
          expect(length * 4).toBeLessThan(16 * 2 ** 20);
          expect(length * 4).toBeGreaterThan(7.9 * 2 ** 20);
        }
      }
      expect(end).toBe(0);
    },
  );
});
