import { describe, expect, it } from "vitest";
import type { ImportProgress } from "@/contracts/workers";
import { ProgressMeter } from "./progress";

describe("ProgressMeter", () => {
  it("reports at most ten times a second, and the last time always", () => {
    let time = 0;
    const seen: ImportProgress[] = [];
    const meter = new ProgressMeter(
      "d",
      (progress) => seen.push(progress),
      () => time,
    );
    for (let done = 0; done <= 1000; done++) {
      meter.report({ done, total: 1000, stored: done, duplicates: 0, skipped: 0 });
      time += 5; // 200 images a second
    }
    meter.report({ done: 1000, total: 1000, stored: 1000, duplicates: 0, skipped: 0 }, true);
    expect(seen.length).toBe(52);
    const half = seen.find(({ done }) => done === 500);
    expect(half?.imagesPerSecond).toBeCloseTo(200, 5);
    expect(half?.secondsLeft).toBeCloseTo(2.5, 5);
  });

  it("forgets how fast it was before", () => {
    let time = 0;
    const seen: ImportProgress[] = [];
    const meter = new ProgressMeter(
      "d",
      (progress) => seen.push(progress),
      () => time,
    );
    const report = (done: number, total: number | null) =>
      meter.report({ done, total, stored: 0, duplicates: done, skipped: 0 });
    report(5000, 6000);
    expect(seen[0]?.secondsLeft).toBeNull();
    for (let second = 1; second <= 20; second++) {
      time = second * 1000;
      report(5000 + second * 10, second < 20 ? 6000 : null);
    }
    expect(seen.at(-2)?.imagesPerSecond).toBeCloseTo(10, 5);
    expect(seen.at(-2)?.secondsLeft).toBeCloseTo(81, 5);
    expect(seen.at(-1)?.secondsLeft).toBeNull();
  });
});
