import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { secondsLeft, type TimedRun } from "./timeLeft";

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

describe("secondsLeft", () => {
  it("knows nothing before the first run knows its own end", () => {
    const runs = [run(config("unet"), null), run(config("unet"), null)];
    expect(secondsLeft(runs, { index: 0, stage: "training", elapsed: 5, ownLeft: null })).toBeNull();
  });

  it("takes the run in work as the measure of those like it", () => {
    const runs = [run(config("unet"), null), run(config("unet"), null)];
    expect(secondsLeft(runs, { index: 0, stage: "training", elapsed: 40, ownLeft: 60 })).toBe(60 + 100);
  });

  it("takes runs of the same network and setup as they were, others by their operations", () => {
    const runs = [
      run(config("unet"), 100),
      run(config("unetpp"), null),
      run(config("unet"), null),
      run(config("unet", "ddp:2"), null),
    ];
    const left = secondsLeft(runs, { index: 2, stage: "training", elapsed: 30, ownLeft: null });
    // U-Net++ has 275.50/96.18 times the operations of U-Net at width 64, about the same at width 8.
    expect(left).toBeGreaterThan(70 + 100 + 2.7 * 100);
    expect(left).toBeLessThan(70 + 100 + 3 * 100);
  });

  it("adds the methods of runs that compare them", () => {
    const compared = config("unet", "single", ["bm3d"]);
    const runs = [run(compared, 100, 20), run(compared, null), run(config("unet"), null)];
    expect(secondsLeft(runs, { index: 1, stage: "training", elapsed: 10, ownLeft: null })).toBe(
      90 + 20 + 100,
    );
    expect(secondsLeft(runs, { index: 1, stage: "methods", elapsed: 5, ownLeft: 12 })).toBe(12 + 100);
    expect(secondsLeft(runs, { index: 1, stage: "methods", elapsed: 5, ownLeft: null })).toBe(15 + 100);
  });
});
