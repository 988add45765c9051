import { describe, expect, it } from "vitest";
import { NO_TRAINING, type TrainingState } from "@/state/trainingReducer";
import { storyOf } from "./story";

const at = (now: number, step = 40): TrainingState => ({
  ...NO_TRAINING,
  phase: "training",
  preview: {
    step,
    epoch: 1,
    count: 2,
    size: 1,
    noisy: new Uint8Array(2),
    denoised: new Uint8Array(2),
    clean: new Uint8Array(2),
    psnrDb: [now - 1, now + 1],
    noisyPsnrDb: [14, 16],
  },
});

describe("storyOf", () => {
  it("follows the gain over the noisy pictures", () => {
    expect(storyOf(at(10, 0)).title).toBe("The first steps");
    expect(storyOf(at(15.5)).title).toBe("Finding shapes");
    expect(storyOf(at(18)).text).toContain("18.0 dB against 15.0 dB");
    expect(storyOf(at(25)).text).toContain("10.0 dB gained, so the error's power is 10 times smaller");
  });

  it("has words for every phase", () => {
    const phases: TrainingState["phase"][] = [
      null,
      "rendering",
      "preparing",
      "paused",
      "testing",
      "stopped",
      "failed",
    ];
    for (const phase of phases) expect(storyOf({ ...NO_TRAINING, phase }).text).toMatch(/\.$/);
  });
});
