import { expect, it } from "vitest";
import { histogramPath, histogramTop } from "./histogramPath";

it("scales to the inner bins, so that clamped pixels at the ends do not flatten the rest", () => {
  expect(histogramTop(Uint32Array.of(900, 3, 5, 800), Uint32Array.of(0, 7, 1, 0))).toBe(7);
  expect(histogramTop(Uint32Array.of(4, 0, 0, 4))).toBe(1);
});

it("draws steps and cuts off what is higher than the top", () => {
  expect(histogramPath(Uint32Array.of(20, 5, 0), 10, 100)).toBe(
    "M0,100L0,0.00L1,0.00L1,50.00L2,50.00L2,100.00L3,100.00L3,100Z",
  );
});
