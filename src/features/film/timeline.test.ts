import { describe, expect, it } from "vitest";
import type { Film } from "@/contracts/film";
import { frameAt, lastNotAfter, notchesOf, placeOf, type Reel, relationOf } from "./timeline";

const filmOf = (steps: readonly number[], clean = 1, noisy = 2): Film => ({
  images: {
    count: 1,
    side: 1,
    sourceSide: 1,
    indices: [0],
    noisy: Uint8Array.of(noisy),
    clean: Uint8Array.of(clean),
    noisyPsnrDb: [20],
    noisySsim: [0.5],
  },
  frames: steps.map((step) => ({
    step,
    epoch: 1,
    validationLoss: null,
    psnrDb: [step],
    ssim: [0],
    denoised: Uint8Array.of(step),
  })),
});
const a: Reel = { film: filmOf([0, 1, 10, 30]), stepsPerEpoch: 10 };
const b: Reel = { film: filmOf([0, 4, 20]), stepsPerEpoch: 20 };

describe("the slider of two films", () => {
  it("stands at every frame of both, once", () => {
    expect(notchesOf([a, b], "step")).toEqual([0, 1, 4, 10, 20, 30]);
    expect(notchesOf([a, b], "epoch")).toEqual([0, 0.1, 0.2, 1, 3]);
    expect(notchesOf([a, b], "share")).toEqual([0, 0.033333, 0.2, 0.333333, 1]);
    expect(notchesOf([], "step")).toEqual([]);
  });

  it("shows of each the nearest frame at or before", () => {
    const shown = (axis: "step" | "epoch" | "share", place: number) =>
      [a, b].map((reel) => frameAt(reel, axis, place)?.step);
    expect(shown("step", 9)).toEqual([1, 4]);
    expect(shown("step", 30)).toEqual([30, 20]);
    expect(shown("epoch", 1)).toEqual([10, 20]);
    expect(shown("share", 0.5)).toEqual([10, 4]);
    expect(shown("share", 1)).toEqual([30, 20]);
  });

  it("shows the first frame of a film that begins later, and none of an empty one", () => {
    const late = { film: filmOf([5, 6]), stepsPerEpoch: 1 };
    expect(frameAt(late, "step", 2)?.step).toBe(5);
    expect(frameAt({ ...late, film: filmOf([]) }, "step", 2)).toBeNull();
    expect(lastNotAfter([], 3)).toBe(0);
    expect(placeOf(0, { ...late, film: filmOf([0]) }, "share")).toBe(0);
  });
});

it("tells whether two films show the same", () => {
  expect(relationOf(filmOf([0]), filmOf([5]))).toBe("same");
  expect(relationOf(filmOf([0]), filmOf([0], 1, 7))).toBe("other-noise");
  expect(relationOf(filmOf([0]), filmOf([0], 9))).toBe("other-images");
});
