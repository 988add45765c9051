import { describe, expect, it } from "vitest";
import { cropAround } from "./cropAround";

const places = { lefts: [28, 228], top: 46, side: 192 };
const crop = { left: 0, top: 0, side: 0.25 };

describe("cropAround", () => {
  it("puts a point of any column into the middle, and stays inside the image", () => {
    expect(cropAround(crop, places, 28 + 96, 46 + 96)).toEqual({ left: 0.38, top: 0.38, side: 0.25 });
    expect(cropAround(crop, places, 228, 46)).toEqual({ left: 0, top: 0, side: 0.25 });
    expect(cropAround(crop, places, 228 + 191, 46 + 191)).toEqual({ left: 0.75, top: 0.75, side: 0.25 });
  });

  it("knows what is beside the images", () => {
    for (const [x, y] of [
      [10, 100],
      [224, 100],
      [421, 100],
      [100, 20],
      [100, 300],
    ] as const)
      expect(cropAround(crop, places, x, y)).toBeNull();
  });
});
