import { describe, expect, it } from "vitest";
import { LossCurve } from "./curve";

const ramp = (length: number, from = 0) => Float32Array.from({ length }, (_, i) => from + i);

describe("LossCurve", () => {
  it("keeps every point while they fit", () => {
    const curve = new LossCurve(8);
    curve.append(1, Float32Array.of(3, 1, 2));
    const { steps, low, high, smooth } = curve.thinned();
    expect(steps).toEqual([1, 2, 3]);
    expect(low).toEqual([3, 1, 2]);
    expect(high).toEqual(low);
    // Debiased: the first running mean is the first value, and it stays between the extremes.
    expect(smooth[0]).toBe(3);
    expect(smooth[2]).toBeGreaterThan(1);
    expect(smooth[2]).toBeLessThan(3);
  });

  it("never has more buckets than it may, and loses no extreme", () => {
    const curve = new LossCurve(64);
    const losses = Float32Array.from({ length: 10_000 }, (_, i) => Math.sin(i * 12.9898));
    losses[7777] = 99;
    losses[1234] = -99;
    for (let i = 0; i < losses.length; i += 7)
      curve.append(i + 1, losses.subarray(i, Math.min(i + 7, losses.length)));
    const { steps, low, high } = curve.thinned();
    expect(steps.length).toBeLessThanOrEqual(64);
    expect(steps.length).toBeGreaterThan(32);
    expect(Math.max(...high.map(Number))).toBe(99);
    expect(Math.min(...low.map(Number))).toBe(-99);
    const at = high.indexOf(99);
    // 10,000 steps in at most 64 buckets of a power of two: 256 steps each.
    expect(Math.abs((steps[at] as number) - 7778)).toBeLessThanOrEqual(128);
    expect(curve.losses).toEqual(losses);
    expect(curve.lastStep).toBe(10_000);
  });

  it("thins the same however the chunks fall", () => {
    const whole = new LossCurve(32);
    const parts = new LossCurve(32);
    whole.append(1, ramp(1000));
    for (let i = 0; i < 1000; i += 13) parts.append(i + 1, ramp(Math.min(13, 1000 - i), i));
    expect(parts.thinned()).toEqual(whole.thinned());
  });

  it("replaces the steps that a resumed run repeats", () => {
    const curve = new LossCurve(16);
    curve.append(1, ramp(100));
    curve.append(61, Float32Array.of(7, 8));
    expect(curve.length).toBe(62);
    expect(curve.losses.at(-3)).toBe(59);
    expect(curve.losses.at(-1)).toBe(8);
    expect(Math.max(...curve.thinned().high.map(Number))).toBe(59);
  });

  it("withdraws the steps after a checkpoint, and takes them again", () => {
    const curve = new LossCurve(16);
    curve.append(1, ramp(100));
    curve.withdraw(60);
    const shorter = new LossCurve(16);
    shorter.append(1, ramp(60));
    expect(curve.lastStep).toBe(60);
    expect(curve.thinned()).toEqual(shorter.thinned());
    curve.withdraw(60);
    curve.withdraw(90);
    expect(curve.lastStep).toBe(60);
    curve.append(61, Float32Array.of(7));
    expect([...curve.losses.slice(-2)]).toEqual([59, 7]);
    curve.withdraw(0);
    expect(curve.length).toBe(0);
    expect(curve.lastStep).toBe(0);
    curve.append(1, ramp(100));
    expect(curve.losses).toEqual(ramp(100));
  });

  it("withdraws everything of a curve that begins after the checkpoint", () => {
    const curve = new LossCurve(16);
    curve.append(50, ramp(10));
    curve.withdraw(20);
    expect(curve.thinned().steps).toEqual([]);
  });

  it("starts anew after a gap", () => {
    const curve = new LossCurve(16);
    curve.append(1, ramp(10));
    curve.append(50, Float32Array.of(5));
    expect(curve.length).toBe(1);
    expect(curve.thinned().steps).toEqual([50]);
  });

  it("leaves a gap for losses that are no numbers", () => {
    const curve = new LossCurve(4);
    curve.append(1, Float32Array.of(Number.NaN, 2, Number.POSITIVE_INFINITY));
    const { low, smooth } = curve.thinned();
    expect(low).toEqual([null, 2, null]);
    expect(smooth).toEqual([null, 2, 2]);
  });
});
