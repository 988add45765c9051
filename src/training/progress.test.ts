import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import { planRun } from "./plan";
import { ProgressMeter } from "./progress";

describe("ProgressMeter", () => {
  it("follows a change of speed within half a minute and counts validation", () => {
    const meter = new ProgressMeter();
    expect(meter.imagesPerSecond).toBe(0);
    expect(meter.secondsLeft(10, 10)).toBeNull();
    for (let i = 0; i < 100; i++) meter.stepDone(8, 1);
    expect(meter.imagesPerSecond).toBeCloseTo(8, 6);
    // Before the first validation a forward pass counts a third of a step.
    expect(meter.secondsLeft(80, 240)).toBeCloseTo(10 + 10, 6);
    meter.validationDone(100, 5);
    expect(meter.secondsLeft(80, 240)).toBeCloseTo(10 + 12, 6);
    for (let i = 0; i < 30; i++) meter.stepDone(16, 1);
    expect(Math.abs(meter.imagesPerSecond - 16)).toBeLessThan(0.5);
  });
});

describe("planRun", () => {
  it("counts steps and images of whole and short epochs", () => {
    const plan = planRun(
      {
        ...DEFAULT_CONFIG,
        training: { ...DEFAULT_CONFIG.training, batchSize: 16, epochs: 3, maxSteps: null },
      },
      40,
    );
    expect(plan).toMatchObject({ stepsPerEpoch: 3, totalSteps: 9, epochs: 3 });
    expect([0, 2, 3, 4, 9].map(plan.imagesIn)).toEqual([0, 32, 40, 56, 120]);
    const short = planRun(
      { ...DEFAULT_CONFIG, training: { ...DEFAULT_CONFIG.training, batchSize: 16, epochs: 3, maxSteps: 4 } },
      40,
    );
    expect(short).toMatchObject({ totalSteps: 4, epochs: 2 });
  });
});
