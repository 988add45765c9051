import { describe, expect, it } from "vitest";
import { PURPOSE, RandomStream } from "@/contracts/random";
import { exchangeKernels } from "./kernels";

const ROOM = 2 ** 20;
const memoryOf = (shared: boolean): WebAssembly.Memory =>
  new WebAssembly.Memory({ initial: 128, maximum: 128, shared });

/** Values over many magnitudes, as gradients have them. */
function gradients(length: number, index: number): Float32Array {
  const stream = new RandomStream(7, PURPOSE.noise, index);
  const unit = () => stream.nextUint32() / 2 ** 32;
  return Float32Array.from({ length }, () => (unit() - 0.5) * 2 ** (-30 * unit()));
}

/** The value of every half, by the definition of the format. */
const VALUES = Float32Array.from({ length: 2 ** 16 }, (_, half) => {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

/** Values at which a kernel's halves differ from those wanted; none, hopefully. */
function wronglyEncoded(values: Float32Array, wanted: Uint16Array): string[] {
  const memory = memoryOf(false);
  const kernels = exchangeKernels(memory, false, "f16");
  new Float32Array(memory.buffer, 0, values.length).set(values);
  kernels.encode(0, ROOM, values.length, 1);
  const halves = new Uint16Array(memory.buffer, ROOM, values.length);
  return [...values].flatMap((value, i) =>
    halves[i] === wanted[i] ? [] : [`${value}: ${halves[i]}, not ${wanted[i]}`],
  );
}

describe.each([false, true])("sums in memory that is shared: %s", (shared) => {
  it.each([1, 2, 3, 4, 5, 16])("of %i parts are weighted, in their order, and rounded once", (parts) => {
    const memory = memoryOf(shared);
    const kernels = exchangeKernels(memory, shared, "f32");
    for (const length of [1, 8, 1003]) {
      const all = Array.from({ length: parts }, (_, rank) => gradients(length, rank));
      for (const [rank, values] of all.entries()) new Float32Array(memory.buffer, rank * 8192).set(values);
      const weights = all.map((_, rank) => (2 * (rank + 1)) / (parts * (parts + 1)));
      const places = all.map((_, rank) => rank * 8192);
      kernels.sum(places, weights, ROOM, length);
      const sums = new Float32Array(memory.buffer, ROOM, length);
      const wanted = sums.map((_, i) =>
        all
          .slice(1)
          .reduce(
            (sum, values, rank) => sum + (weights[rank + 1] as number) * (values[i] as number),
            (weights[0] as number) * (all[0]?.[i] as number),
          ),
      );
      expect([...sums]).toEqual([...wanted]);
    }
  });

  it("of halves are those of their values", () => {
    const memory = memoryOf(shared);
    const kernels = exchangeKernels(memory, shared, "f16");
    const finite = Uint16Array.from({ length: 2 ** 16 }, (_, half) => half).filter(
      (half) => (half & 0x7c00) !== 0x7c00,
    );
    new Uint16Array(memory.buffer, 0, finite.length).set(finite);
    new Uint16Array(memory.buffer, ROOM, finite.length).set(finite.toReversed());
    kernels.sum([0, ROOM], [0.25, 3 * 2 ** -20], 2 * ROOM, finite.length);
    const sums = new Float32Array(memory.buffer, 2 * ROOM, finite.length);
    const wanted = sums.map(
      (_, i) =>
        0.25 * (VALUES[finite[i] as number] as number) +
        3 * 2 ** -20 * (VALUES[finite[finite.length - 1 - i] as number] as number),
    );
    expect([...sums]).toEqual([...wanted]);
  });
});

describe("sums", () => {
  it("of equal parts are those parts, bit for bit", () => {
    const memory = memoryOf(false);
    const one = gradients(1000, 1);
    new Float32Array(memory.buffer).set(one);
    exchangeKernels(memory, false, "f32").sum([0, 0], [0.5, 0.5], ROOM, 1000);
    expect([...new Float32Array(memory.buffer, ROOM, 1000)]).toEqual([...one]);
  });

  it("are finite nowhere where one part overflowed", () => {
    const memory = memoryOf(false);
    new Float32Array(memory.buffer).set([1, Number.POSITIVE_INFINITY, Number.NaN]);
    new Float32Array(memory.buffer, 4096).set([1, Number.NEGATIVE_INFINITY, 0]);
    exchangeKernels(memory, false, "f32").sum([0, 4096], [0.5, 0.5], ROOM, 3);
    expect([...new Float32Array(memory.buffer, ROOM, 3)].map(Number.isFinite)).toEqual([true, false, false]);
  });
});

describe("halves", () => {
  it("are read as the values they are, all of them", () => {
    const memory = memoryOf(false);
    const kernels = exchangeKernels(memory, false, "f16");
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, half) => half);
    new Uint16Array(memory.buffer, 0, all.length).set(all);
    kernels.decode(0, ROOM, all.length, 1);
    // Signs of zeros count here too.
    expect([...new Float32Array(memory.buffer, ROOM, all.length)]).toEqual([...VALUES]);
    kernels.decode(0, ROOM, all.length, 2 ** -30);
    expect([...new Float32Array(memory.buffer, ROOM, all.length)]).toEqual([
      ...VALUES.map((value) => value * 2 ** -30),
    ]);
  });

  it("are written where a value is one", () => {
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, half) => half).filter(
      (half) => (half & 0x7fff) <= 0x7c00,
    );
    expect(
      wronglyEncoded(
        Float32Array.from(all, (half) => VALUES[half] as number),
        all,
      ),
    ).toEqual([]);
  });

  it("are the nearest of two, and the even one in the middle between them", () => {
    const [values, wanted]: [number[], number[]] = [[], []];
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    /** The float32 before or after a positive one. */
    const beside = (value: number, by: number): number => {
      float[0] = value;
      bits[0] = (bits[0] as number) + by;
      return float[0];
    };
    for (let half = 0; half < 0x7c00; half++) {
      // The largest half rounds up to infinity from where the next one would be half way.
      const next = half === 0x7bff ? 65_536 : (VALUES[half + 1] as number);
      const middle = ((VALUES[half] as number) + next) / 2;
      values.push(beside(middle, -1), middle, -middle, beside(middle, 1));
      const even = half % 2 === 0 ? half : half + 1;
      wanted.push(half, even, even | 0x8000, half + 1);
    }
    values.push(1e30, -1e-30, Number.NEGATIVE_INFINITY);
    wanted.push(0x7c00, 0x8000, 0xfc00);
    expect(wronglyEncoded(Float32Array.from(values), Uint16Array.from(wanted))).toEqual([]);
  });

  it("keep that a value is none", () => {
    const memory = memoryOf(false);
    new Float32Array(memory.buffer).set([Number.NaN]);
    exchangeKernels(memory, false, "f16").encode(0, ROOM, 1, 1);
    expect(VALUES[new Uint16Array(memory.buffer, ROOM)[0] as number]).toBeNaN();
  });
});

describe("the largest magnitude", () => {
  it.each([0, 3, 4, 7, 8, 999, 1000])("is found at %i", (place) => {
    const memory = memoryOf(false);
    const kernels = exchangeKernels(memory, false, "f16");
    const values = new Float32Array(memory.buffer, 0, 1001);
    values.set(gradients(1001, 2));
    values[place] = -1.5;
    expect(kernels.largest(0, 1001)).toBe(0x3fc0_0000);
    values[(place + 500) % 1001] = Number.NaN;
    expect(kernels.largest(0, 1001)).toBeGreaterThan(0x7f80_0000);
  });
});
