import { describe, expect, it } from "vitest";
import { rowWindow } from "./rowWindow";

const view = (scrollPx: number) => ({ scrollPx, viewPx: 600, rowPx: 40 });

describe("rowWindow", () => {
  it("holds every row in view, wherever it is", () => {
    for (let scrollPx = 0; scrollPx <= 286 * 40 - 600; scrollPx += 7) {
      const [first, end] = rowWindow(286, view(scrollPx));
      expect(first * 40).toBeLessThanOrEqual(scrollPx);
      expect(end * 40).toBeGreaterThanOrEqual(scrollPx + 600);
      expect(end - first).toBeLessThanOrEqual(50);
    }
  });

  it("stays the same for a short way", () => {
    expect(rowWindow(286, view(3_010))).toEqual(rowWindow(286, view(3_100)));
  });

  it("ends with the last row, also when fewer are left than were scrolled past", () => {
    expect(rowWindow(286, view(1e6))[1]).toBe(286);
    expect(rowWindow(5, view(3_000))).toEqual([0, 5]);
    expect(rowWindow(0, view(0))).toEqual([0, 0]);
  });
});
