import { expect, it } from "vitest";
import { differenceRange, differenceToRgba } from "./difference";

it("paints darker blue, unchanged white, brighter red, and cuts at the range", () => {
  const rgba = new Uint8ClampedArray(16);
  differenceToRgba(Float32Array.of(0.5, 0.5, 0.5, 0), Float32Array.of(0.3, 0.5, 0.6, 1), 0.2, rgba);
  expect([...rgba.slice(0, 4)]).toEqual([33, 102, 172, 255]);
  expect([...rgba.slice(4, 8)]).toEqual([247, 247, 247, 255]);
  expect(rgba[8]).toBeGreaterThan(rgba[10] as number);
  expect([...rgba.slice(12)]).toEqual([178, 24, 43, 255]);
});

it("finds a range from the size of the differences", () => {
  const before = new Float32Array(100);
  expect(differenceRange(before, before)).toBe(0.02);
  expect(differenceRange(before, new Float32Array(100).fill(-0.0625))).toBeCloseTo(0.19);
  expect(differenceRange(before, new Float32Array(100).fill(2))).toBe(1);
});
