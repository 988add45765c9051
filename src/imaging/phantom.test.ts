import { describe, expect, it, vi } from "vitest";
import fixture from "./fixtures/phantom.json";
import { renderPhantom } from "./phantom";

const SIZE = 128;

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
}

/** Mean grey level of a box given in fractions of the image. */
function mean(
  image: Uint8Array,
  size: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
): number {
  let sum = 0;
  let count = 0;
  for (let y = Math.floor(top * size); y < bottom * size; y++)
    for (let x = Math.floor(left * size); x < right * size; x++) {
      sum += image[y * size + x] as number;
      count++;
    }
  return sum / count;
}

describe("renderPhantom", () => {
  // Chromium asserts the same file in phantom.gpu.test.ts. Who changes the phantom on purpose takes the new hashes from the failure.
  it.each(fixture)("has fixed bytes: size $size seed $seed index $index", async (golden) => {
    expect(await sha256(renderPhantom(golden.size, golden.seed, golden.index))).toBe(golden.sha256);
  });

  it("calls nothing of Math whose last bit is the engine's choice", () => {
    const loose = [
      "exp",
      "log",
      "pow",
      "sin",
      "cos",
      "tan",
      "atan2",
      "hypot",
      "cbrt",
      "log2",
      "log10",
    ] as const;
    const spies = loose.map((name) => vi.spyOn(Math, name));
    renderPhantom(32, 1, 2);
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  it("draws another patient for another index or seed", async () => {
    const hashes = await Promise.all(
      [
        [1, 0],
        [1, 1],
        [2, 0],
        [2, 1],
      ].map(([seed, index]) => sha256(renderPhantom(32, seed as number, index as number))),
    );
    expect(new Set(hashes).size).toBe(4);
  });

  it("shows the same anatomy at every size", () => {
    // Edges are drawn no finer than a pixel, so a small image is softer than the mean of a large one.
    const meanDifference = 2.5;
    for (const index of [0, 1, 2]) {
      const small = renderPhantom(64, 5, index);
      const large = renderPhantom(256, 5, index);
      let sum = 0;
      for (let y = 0; y < 64; y++)
        for (let x = 0; x < 64; x++) {
          const box = mean(large, 256, x / 64, y / 64, (x + 1) / 64, (y + 1) / 64);
          sum += Math.abs(box - (small[y * 64 + x] as number));
        }
      expect(sum / 4096).toBeLessThan(meanDifference);
    }
  });

  it("looks like a chest: dark lungs, bright middle, brighter abdomen, a heart to the left, ribs", () => {
    for (let index = 0; index < 24; index++) {
      const image = renderPhantom(SIZE, 11, index);
      const rightLung = mean(image, SIZE, 0.24, 0.35, 0.34, 0.5);
      const leftLung = mean(image, SIZE, 0.68, 0.35, 0.78, 0.5);
      const middle = mean(image, SIZE, 0.47, 0.45, 0.53, 0.65);
      const abdomen = mean(image, SIZE, 0.3, 0.93, 0.7, 1);
      expect(middle - rightLung, `patient ${index}`).toBeGreaterThan(30);
      expect(middle - leftLung, `patient ${index}`).toBeGreaterThan(30);
      expect(abdomen - Math.max(rightLung, leftLung), `patient ${index}`).toBeGreaterThan(30);
      // Levels stay inside the range: film neither clips bones nor abdomen.
      expect(mean(image, SIZE, 0.2, 0.2, 0.8, 1)).toBeLessThan(235);
    }
    const image = renderPhantom(256, 11, 0);
    // Down the middle of the right lung the level rises and falls with the ribs.
    let turns = 0;
    let last = 0;
    for (let y = 70; y < 160; y++) {
      const slope =
        mean(image, 256, 0.27, y / 256, 0.29, (y + 1) / 256) -
        mean(image, 256, 0.27, (y - 2) / 256, 0.29, (y - 1) / 256);
      if (Math.abs(slope) > 2 && Math.sign(slope) !== last) {
        last = Math.sign(slope);
        turns++;
      }
    }
    expect(turns).toBeGreaterThanOrEqual(8);
  });

  it("has the brightness of chest radiographs over many patients", () => {
    let sum = 0;
    let squares = 0;
    const count = 40 * 64 * 64;
    for (let index = 0; index < 40; index++)
      for (const level of renderPhantom(64, 3, index)) {
        sum += level;
        squares += level * level;
      }
    const average = sum / count;
    // 120 images of NIH ChestX-ray14: mean 141, standard deviation 61 (over all pixels).
    expect(Math.abs(average - 141)).toBeLessThan(12);
    expect(Math.abs(Math.sqrt(squares / count - average * average) - 61)).toBeLessThan(14);
  });

  it("takes any size and refuses what is none", () => {
    for (const size of [1, 16, 17, 100]) expect(renderPhantom(size, 1, 1)).toHaveLength(size * size);
    for (const size of [0, 2.5, -1, 5000]) expect(() => renderPhantom(size, 1, 1)).toThrow("shape/phantom");
  });

  it("is quick", () => {
    const fastest = (size: number) => {
      const times = Array.from({ length: 8 }, (_, index) => {
        const start = performance.now();
        renderPhantom(size, 1, index);
        return performance.now() - start;
      });
      return Math.min(...times);
    };
    // 2.4 ms and 23 ms measured (Node 20, one core); ten times that only when something broke or the machine is very busy.
    expect(fastest(64)).toBeLessThan(25);
    expect(fastest(256)).toBeLessThan(250);
  });
});
