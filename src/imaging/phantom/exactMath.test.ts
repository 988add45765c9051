import { describe, expect, it } from "vitest";
import { cos, exp, log, roundedEdge, sin, smoothStep } from "./exactMath";

/** Truncated series in float64; a grey level is 4e-3. */
const TOLERANCE = 1e-10;

describe("exactMath", () => {
  it("follows Math within 1e-10", () => {
    for (let x = -20; x <= 20; x += 0.37) {
      expect(Math.abs(exp(x) / Math.exp(x) - 1)).toBeLessThan(TOLERANCE);
      expect(Math.abs(log(Math.exp(x)) - x)).toBeLessThan(TOLERANCE);
      expect(Math.abs(sin(x) - Math.sin(x))).toBeLessThan(TOLERANCE);
      expect(Math.abs(cos(x) - Math.cos(x))).toBeLessThan(TOLERANCE);
    }
  });

  it("steps rise, or fall when their ends are swapped", () => {
    expect([-1, 0, 0.5, 1, 2].map((x) => smoothStep(0, 1, x))).toEqual([0, 0, 0.5, 1, 1]);
    expect([-1, 0, 0.5, 1, 2].map((x) => smoothStep(1, 0, x))).toEqual([1, 1, 0.5, 0, 0]);
    expect([-1, 0, 1, 2].map(roundedEdge)).toEqual([0, 0, 1, 1]);
    expect(roundedEdge(0.5)).toBe(Math.sqrt(0.75));
  });
});
