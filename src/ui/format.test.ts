import { describe, expect, it } from "vitest";
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatFixed,
  formatFlops,
  formatMs,
  formatPercent,
  formatSeconds,
  formatShort,
} from "./format";

describe("formatting", () => {
  it.each([
    [0.42, "0.4 s"],
    [9.96, "10 s"],
    [59.6, "1 min"],
    [125, "2 min 5 s"],
    [3600, "1 h"],
    [3599.7, "1 h"],
    [3890, "1 h 5 min"],
    [86_400 * 3 + 7200, "3 d 2 h"],
    [null, "–"],
    [Number.POSITIVE_INFINITY, "–"],
  ])("seconds %s → %s", (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1234, "1.23 kB"],
    [34_000_000, "34.0 MB"],
    [999_900_000, "1.00 GB"],
    [null, "–"],
  ])("bytes %s → %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0.421, "0.42 ms"],
    [42, "42 ms"],
    [420.4, "420 ms"],
    [99.7, "100 ms"],
    [999.7, "1.00 s"],
    [4200, "4.20 s"],
  ])("milliseconds %s → %s", (ms, text) => expect(formatMs(ms)).toBe(text));

  it.each([
    [0, "0"],
    [0.012345, "0.0123"],
    [1234.5, "1,235"],
    [999.9, "1,000"],
    [2e-7, "2.00e-7"],
    [Number.NaN, "–"],
  ])("short %s → %s", (value, text) => expect(formatShort(value)).toBe(text));

  it.each([
    [0, "0 FLOP"],
    [999, "999 FLOP"],
    [812_000_000, "812 MFLOP"],
    [12_345_000_000, "12.3 GFLOP"],
    [999_700_000_000, "1.00 TFLOP"],
    [null, "–"],
  ])("operations %s → %s", (flops, text) => expect(formatFlops(flops)).toBe(text));

  it("counts, fixed decimals and shares", () => {
    expect(formatCount(31_036_481)).toBe("31,036,481");
    expect(formatFixed(31.2345, 2)).toBe("31.23");
    expect(formatFixed(-0.5, 1)).toBe("−0.5");
    expect(formatFixed(undefined, 2)).toBe("–");
    expect(formatPercent(0.344)).toBe("34 %");
  });

  it("says how long ago", () => {
    const now = 1_700_000_000_000;
    expect(formatAgo(now - 5000, now)).toBe("just now");
    expect(formatAgo(now - 5 * 60_000, now)).toBe("5 min ago");
    expect(formatAgo(now - 3 * 3_600_000, now)).toBe("3 h ago");
    expect(formatAgo(now - 48 * 3_600_000, now)).toMatch(/2023/);
  });
});
