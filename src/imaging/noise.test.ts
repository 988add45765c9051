import { describe, expect, it } from "vitest";
import { RandomStream } from "@/contracts/random";
import fixture from "./fixtures/noise.json";
import { addNoise, addNoiseToUnit, normalFromBits, unitPixels } from "./noise";
import { NORMAL_TABLE, NORMAL_TABLE_LENGTH } from "./normalTable";

const Z_UNIT = 2 ** -20;
/** Linear interpolation over 1/64 octave of the tail probability. */
const Z_TOLERANCE = 2e-5;

const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));
const floats = (base64: string) => new Float32Array(bytesOf(base64).buffer);
const bits = (values: Float32Array) => [...new Uint32Array(values.buffer, values.byteOffset, values.length)];

describe("normalFromBits", () => {
  it("gives the bits of the numpy implementation", () => {
    const words = new Uint32Array(bytesOf(fixture.words).buffer);
    const expected = new Int32Array(bytesOf(fixture.z).buffer);
    expect([...words].map((word) => normalFromBits(word) || 0)).toEqual([...expected]);
  });

  it("has SciPy's quantiles", () => {
    for (const { p, z } of fixture.normalQuantiles) {
      // The word with the sign set whose two-sided tail is 2p.
      const u = Math.min(Math.max(Math.round(2 * p * 2 ** 31 - 0.5), 0), 2 ** 31 - 1);
      // u is an integer: far out in the tail half a unit of it moves z by about 1/(2·u·|z|).
      const rounding = 1 / (u + 1);
      expect(Math.abs(normalFromBits((u | 0x80000000) >>> 0) * Z_UNIT - z), `p = ${p}`).toBeLessThan(
        Z_TOLERANCE + rounding,
      );
    }
  });

  it("is odd in the sign, decreases with the magnitude and ends at ±6.34", () => {
    let last = Number.POSITIVE_INFINITY;
    for (let u = 0; u < 2 ** 31; u += 1 + Math.floor(u / 1500)) {
      const z = normalFromBits(u);
      expect(z).toBeLessThanOrEqual(last);
      expect(normalFromBits((u | 0x80000000) >>> 0) + z).toBe(0);
      last = z;
    }
    expect(normalFromBits(0) * Z_UNIT).toBeCloseTo(6.338, 3);
    expect(normalFromBits(0x7fffffff)).toBe(0);
    expect(NORMAL_TABLE).toHaveLength(NORMAL_TABLE_LENGTH);
    expect(NORMAL_TABLE[NORMAL_TABLE_LENGTH - 1]).toBe(0);
  });

  it("interpolates within 32 bits, so that WGSL can", () => {
    for (let i = 128; i + 1 < NORMAL_TABLE_LENGTH; i++)
      expect((NORMAL_TABLE[i] as number) - (NORMAL_TABLE[i + 1] as number)).toBeLessThan(1 << 15);
  });

  it("is normal: moments, tails and Kolmogorov–Smirnov distance over a million draws", () => {
    const count = 1_000_000;
    const stream = new RandomStream(3, 3);
    const z = Float64Array.from({ length: count }, () => normalFromBits(stream.nextUint32()) * Z_UNIT).sort();
    const moment = (power: number) => z.reduce((sum, value) => sum + value ** power, 0) / count;
    // Five standard errors of each moment of a standard normal sample.
    const bound = (variance: number) => 5 * Math.sqrt(variance / count);
    expect(Math.abs(moment(1))).toBeLessThan(bound(1));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(bound(2));
    expect(Math.abs(moment(3))).toBeLessThan(bound(15));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(bound(96));
    // P(|z| > 4) = 6.334e-5: 63.3 expected, Poisson.
    const beyond4 = z.filter((value) => Math.abs(value) > 4).length;
    expect(Math.abs(beyond4 - 63.3)).toBeLessThan(5 * Math.sqrt(63.3));
    // The empirical distribution at SciPy's quantiles; Kolmogorov's 1e-6 critical value is 2.69/√n.
    for (const { p, z: quantile } of fixture.normalQuantiles) {
      const below = z.filter((value) => value <= quantile).length / count;
      expect(Math.abs(below - p)).toBeLessThan(2.69 / Math.sqrt(count));
      const above = z.filter((value) => value >= -quantile).length / count;
      expect(Math.abs(above - p)).toBeLessThan(2.69 / Math.sqrt(count));
    }
  });
});

describe("addNoise", () => {
  it.each(fixture.cases)(
    "gives the bits of numpy: seed $seed index $index visit $visit σ $std",
    (example) => {
      const pixels = bytesOf(example.pixels);
      const expected = floats(example.noisy);
      const out = new Float32Array(pixels.length + 3).fill(-1);
      addNoise(pixels, example, example, out, 2);
      expect(bits(out.slice(2, -1))).toEqual(bits(expected));
      expect([out[0], out[1], out.at(-1)]).toEqual([-1, -1, -1]);
    },
  );

  it("has the asked mean and σ and clamps to [0, 1]", () => {
    const pixels = new Uint8Array(200_000).fill(128);
    const out = new Float32Array(pixels.length);
    addNoise(pixels, { mean: 0.1, std: 0.05 }, { seed: 5, index: 1, visit: 0 }, out, 0);
    const mean = out.reduce((sum, value) => sum + value, 0) / out.length;
    const variance = out.reduce((sum, value) => sum + (value - mean) ** 2, 0) / out.length;
    // Five standard errors.
    expect(Math.abs(mean - 128 / 255 - 0.1)).toBeLessThan((5 * 0.05) / Math.sqrt(out.length));
    expect(Math.abs(Math.sqrt(variance) - 0.05)).toBeLessThan((5 * 0.05) / Math.sqrt(2 * out.length));
    addNoise(pixels, { mean: 0, std: 1 }, { seed: 5, index: 1, visit: 0 }, out, 0);
    expect(out.reduce((a, b) => Math.min(a, b))).toBe(0);
    expect(out.reduce((a, b) => Math.max(a, b))).toBe(1);
  });

  it("draws anew for another seed, image or visit, and the same for the same", () => {
    const pixels = new Uint8Array(64).fill(128);
    const draw = (seed: number, index: number, visit: number) => {
      const out = new Float32Array(64);
      addNoise(pixels, { mean: 0, std: 0.1 }, { seed, index, visit }, out, 0);
      return out.join();
    };
    expect(draw(1, 2, 3)).toBe(draw(1, 2, 3));
    expect(new Set([draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)]).size).toBe(4);
  });

  it("without noise is the image", () => {
    const pixels = Uint8Array.from({ length: 256 }, (_, i) => i);
    const clean = new Float32Array(256);
    unitPixels(pixels, clean, 0);
    const noisy = new Float32Array(256);
    addNoise(pixels, { mean: 0, std: 0 }, { seed: 1, index: 0, visit: 0 }, noisy, 0);
    expect(bits(noisy)).toEqual(bits(clean));
    expect(bits(clean)).toEqual([...pixels].flatMap((level) => bits(Float32Array.of(level / 255))));
  });

  it("takes a million pixels in well under 60 ms", () => {
    const pixels = new Uint8Array(1 << 20).fill(99);
    const out = new Float32Array(pixels.length);
    const times = [0, 1, 2, 3, 4].map((visit) => {
      const start = performance.now();
      addNoise(pixels, { mean: 0, std: 0.1 }, { seed: 1, index: 0, visit }, out, 0);
      return performance.now() - start;
    });
    // 28 ms measured (Node 20, one core); ten times that only when something broke or the machine is very busy.
    expect(Math.min(...times)).toBeLessThan(280);
  });
});

describe("addNoiseToUnit", () => {
  const noise = { mean: 0.05, std: 0.2 };
  const key = { seed: 9, index: 4, visit: 1 };

  it("equals addNoise on 8-bit images", () => {
    const pixels = Uint8Array.from({ length: 255 }, (_, i) => i);
    const clean = new Float32Array(255);
    unitPixels(pixels, clean, 0);
    const expected = new Float32Array(255);
    addNoise(pixels, noise, key, expected, 0);
    expect(bits(addNoiseToUnit(clean, noise, key))).toEqual(bits(expected));
  });

  it("clamps what is outside [0, 1] and takes NaN as 0", () => {
    const data = Float32Array.of(-1, 2, Number.NaN, 0.25);
    expect([...addNoiseToUnit(data, { mean: 0, std: 0 }, key)]).toEqual([0, 1, 0, 0.25]);
    expect(bits(addNoiseToUnit(data, noise, key))).toEqual(
      bits(addNoiseToUnit(Float32Array.of(0, 1, 0, 0.25), noise, key)),
    );
  });
});
