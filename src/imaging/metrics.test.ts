import { existsSync, readFileSync } from "node:fs";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import fixture from "./fixtures/metrics.json";
import { psnrDb, ssim } from "./metrics";

/** Both sides sum in float64; only the order differs. */
const RELATIVE = 1e-10;
const GOLDEN = "../shared/data/lpips/golden/golden.json";
/** The golden values come from float32 images on scikit-image's side. */
const GOLDEN_PSNR_DB = 1e-3;
const GOLDEN_SSIM = 1e-5;

const floats = (base64: string) => new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);

describe("metrics", () => {
  it.each(fixture.cases)("equal scikit-image's: $width×$height, $psnrDb dB", (example) => {
    const test = floats(example.test);
    const reference = floats(example.reference);
    const psnr = psnrDb(test, reference);
    expect(Math.abs(psnr - example.psnrDb)).toBeLessThan(RELATIVE * Math.abs(example.psnrDb));
    const similarity = ssim(test, reference, example.width, example.height);
    expect(Math.abs(similarity - example.ssim)).toBeLessThan(RELATIVE);
  });

  it("of identical images are Infinity and 1", () => {
    const image = Float32Array.from({ length: 48 }, (_, i) => i / 48);
    expect(psnrDb(image, image)).toBe(Number.POSITIVE_INFINITY);
    expect(ssim(image, image, 8, 6)).toBe(1);
  });

  it("scale with the data range and do not clamp", () => {
    const zero = new Float32Array(4);
    expect(psnrDb(Float32Array.of(2, 2, 2, 2), zero, 2)).toBeCloseTo(0, 12);
    expect(psnrDb(Float32Array.of(2, 2, 2, 2), zero, 20)).toBeCloseTo(20, 12);
  });

  it("refuse unequal and too small images with a code", () => {
    const refusal = (work: () => number) => {
      try {
        return work();
      } catch (error) {
        return error instanceof LabError ? error.failure.code : error;
      }
    };
    expect(refusal(() => psnrDb(new Float32Array(3), new Float32Array(4)))).toBe("shape/metric");
    expect(refusal(() => psnrDb(new Float32Array(0), new Float32Array(0)))).toBe("shape/metric");
    expect(refusal(() => ssim(new Float32Array(9), new Float32Array(9), 4, 3))).toBe("shape/metric");
    expect(refusal(() => ssim(new Float32Array(10), new Float32Array(10), 5, 2))).toBe("shape/ssim");
  });

  const present = existsSync(GOLDEN);
  if (!present)
    console.warn(`skipped: ${GOLDEN} (real radiographs with scikit-image's metrics) is not here.`);
  it.skipIf(!present)("equal scikit-image's on real radiographs", () => {
    const folder = GOLDEN.slice(0, GOLDEN.lastIndexOf("/"));
    const pairs = readPairs(readFileSync(GOLDEN, "utf8"));
    expect(pairs.length).toBeGreaterThan(0);
    for (const pair of pairs) {
      const reference = readUnit(`${folder}/${pair.reference}`);
      const test = readUnit(`${folder}/${pair.test}`);
      expect(Math.abs(psnrDb(test.data, reference.data) - pair.psnr)).toBeLessThan(GOLDEN_PSNR_DB);
      expect(
        Math.abs(ssim(test.data, reference.data, test.width, test.height) - pair.ssim_win3),
      ).toBeLessThan(GOLDEN_SSIM);
    }
  });
});

interface GoldenPair {
  readonly reference: string;
  readonly test: string;
  readonly psnr: number;
  readonly ssim_win3: number;
}

function readPairs(json: string): GoldenPair[] {
  const golden: { pairs: GoldenPair[] } = JSON.parse(json);
  return golden.pairs;
}

function readUnit(path: string): { data: Float32Array; width: number; height: number } {
  const png = decode(readFileSync(path));
  const scale = 2 ** png.depth - 1;
  return {
    data: Float32Array.from(png.data, (level) => level / scale),
    width: png.width,
    height: png.height,
  };
}
