import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { type CurrentRun, secondsLeft, type TimedRun } from "./timeLeft";

const config = (name: "unet" | "unetpp", setup = "single", baselines: string[] = []): RunConfig => ({
  ...DEFAULT_CONFIG,
  model: { ...DEFAULT_CONFIG.model, name, width: 8 },
  engine: { ...DEFAULT_CONFIG.engine, setup },
  evaluation: { ...DEFAULT_CONFIG.evaluation, baselines },
});
const run = (config: RunConfig, training: number | null, methods = 0): TimedRun => ({
  config,
  seconds: training === null ? null : { training, methods },
});

const inTraining = (index: number, elapsed: number, ownLeft: number | null): CurrentRun => ({
  index,
  stage: "training",
  elapsed,
  ownLeft,
  training: null,
});
const inMethods = (index: number, elapsed: number, ownLeft: number | null, training: number): CurrentRun => ({
  index,
  stage: "methods",
  elapsed,
  ownLeft,
  training,
});

describe("secondsLeft", () => {
  it("knows nothing before the first run knows its own end", () => {
    const runs = [run(config("unet"), null), run(config("unet"), null)];
    expect(secondsLeft(runs, inTraining(0, 5, null))).toBeNull();
  });

  it("takes the run in work as the measure of those like it", () => {
    const runs = [run(config("unet"), null), run(config("unet"), null)];
    expect(secondsLeft(runs, inTraining(0, 40, 60))).toBe(60 + 100);
  });

  it("takes runs of the same network and setup as they were, others by their operations", () => {
    const runs = [
      run(config("unet"), 100),
      run(config("unetpp"), null),
      run(config("unet"), null),
      run(config("unet", "ddp:2"), null),
    ];
    const left = secondsLeft(runs, inTraining(2, 30, null));
    // U-Net++ has 275.50/96.18 times the operations of U-Net at width 64, about the same at width 8.
    expect(left).toBeGreaterThan(70 + 100 + 2.7 * 100);
    expect(left).toBeLessThan(70 + 100 + 3 * 100);
  });

  it("adds the methods of runs that compare them", () => {
    const compared = config("unet", "single", ["bm3d"]);
    const runs = [run(compared, 100, 20), run(compared, null), run(config("unet"), null)];
    expect(secondsLeft(runs, inTraining(1, 10, null))).toBe(90 + 20 + 100);
    // The run in work has been trained in 90 s: with the first, 95 on the average.
    expect(secondsLeft(runs, inMethods(1, 5, 12, 90))).toBe(12 + 95);
    expect(secondsLeft(runs, inMethods(1, 5, null, 90))).toBe(15 + 95);
  });

  it("adds the methods of runs to come, by those at work too", () => {
    const compared = config("unet", "single", ["bm3d"]);
    const runs = [run(compared, null), run(compared, null)];
    expect(secondsLeft(runs, inMethods(0, 5, 12, 100))).toBe(12 + 100 + (5 + 12));
    expect(secondsLeft(runs, inMethods(0, 5, null, 100))).toBe(100);
    expect(secondsLeft([run(compared, 80, 20), ...runs], inTraining(1, 10, 70))).toBe(70 + 20 + 80 + 20);
  });
});
