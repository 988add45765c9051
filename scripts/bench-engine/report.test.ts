import { describe, expect, it } from "vitest";
import type { Contender } from "./alternate";
import { judgeLosses } from "./judge";
import { type Report, reportText } from "./report";
import { median, quantile, ratioOf } from "./statistics";

const contender = (name: string, ms: readonly number[], results: readonly number[]): Contender => ({
  name,
  failure: null,
  firstMs: 1234,
  ms,
  results,
  peakBytes: 3 * 2 ** 20,
});

const OWN = contender("webgpu", [10, 20, 10], [0.5, 0.4]);
const OTHER = contender("tfjs-webgpu", [30, 100, 40], [0.5, 0.40001]);

const report = (contenders: readonly Contender[], rest: Partial<Report> = {}): Report => ({
  title: "U-Net width 8, 64², batch 4: one training step",
  measured: {
    adapter: "software adapter (no GPU): lavapipe",
    contenders,
    flops: 2e9,
    matmul: { gflops: 400, kernel: "matmul 8×8" },
    dispatches: [],
  },
  conditions: {
    commit: "abc1234",
    cores: 2,
    processor: "a processor",
    loadBefore: 0.25,
    loadAfter: 2,
    versions: { Chromium: "156", tfjs: "4.22.0" },
  },
  pytorch: null,
  ...rest,
});

/** Cells of the line of `name`, first of those that begin so. */
const cells = (text: string, name: string): string[] =>
  text
    .split("\n")
    .find((line) => line.startsWith(`${name} `))
    ?.split(/ {2,}/) ?? [];

describe("statistics", () => {
  it("interpolates quantiles", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([1, 2, 3, 10])).toBe(2.5);
    const hundredAndOne = Array.from({ length: 101 }, (_, i) => 100 - i);
    expect(quantile(hundredAndOne, 0.95)).toBeCloseTo(95, 10);
    expect(quantile([7], 0.95)).toBe(7);
    expect(median([])).toBeNaN();
  });

  it("compares medians, and spreads over the rounds", () => {
    expect(ratioOf([30, 100, 40], [10, 20, 10])).toEqual({ ratio: 4, least: 3, greatest: 5 });
  });
});

describe("judgeLosses", () => {
  it("keeps what agrees and says why another is not compared", () => {
    const wrongLater = contender("jax-js", [1], [0.5, 0.41]);
    const wrongAtOnce = contender("tfjs-wasm", [1], [0.6, 0.4]);
    const broken = contender("webgpu-mixed", [1], [Number.NaN, Number.NaN]);
    const [own, other, later, atOnce, nan] = judgeLosses([OWN, OTHER, wrongLater, wrongAtOnce, broken]);
    expect(own).toEqual(OWN);
    expect(other).toEqual(OTHER);
    expect(later?.failure).toMatch(/after the first step is 0\.41.*webgpu has 0\.4.*2\.5 % apart, 0\.1 %/);
    expect(atOnce?.failure).toMatch(/before the first step/);
    expect(nan?.failure).toMatch(/NaN/);
  });

  it("leaves out what failed by itself, also as what the others are held against", () => {
    const failed = { ...OWN, failure: "out of memory" };
    expect(judgeLosses([failed, OTHER])).toEqual([failed, OTHER]);
  });
});

describe("reportText", () => {
  it("gives times, speed, share of the product, bytes, loss and ratio", () => {
    const text = reportText(report([OWN, OTHER]));
    expect(cells(text, "webgpu")).toEqual([
      "webgpu",
      "10.0",
      "19.0",
      "10.0–20.0",
      "3",
      "1234",
      "200.0",
      "50 %",
      "3 MiB",
      "0.400000",
      "1.00 (1.00–1.00)",
    ]);
    expect(cells(text, "tfjs-webgpu").at(-1)).toBe("4.00 (3.00–5.00)");
    expect(text).toContain("load average 0.3 before, 2.0 after; commit abc1234");
    expect(text).toContain("Chromium 156, tfjs 4.22.0");
    expect(text).toContain("software adapter (no GPU): lavapipe");
  });

  it("reports a failure in one line and compares the rest", () => {
    const failed = { ...contender("jax-js", [], []), failure: "out of memory: 4 GiB" };
    const text = reportText(report([OWN, failed, OTHER]));
    expect(text).toContain("\njax-js: out of memory: 4 GiB\n");
    expect(cells(text, "tfjs-webgpu").at(-1)).toBe("4.00 (3.00–5.00)");
  });

  it("says that WASM's bytes are not counted, and shows each engine against each", () => {
    const wasm = { ...contender("tfjs-wasm", [5, 5, 5], [0.5, 0.4]), peakBytes: null };
    const text = reportText(report([OWN, OTHER, wasm]));
    expect(cells(text, "tfjs-wasm")).toContain("not counted");
    const matrix = text.slice(text.indexOf("takes this many times"));
    expect(cells(matrix, "tfjs-webgpu")).toEqual(["tfjs-webgpu", "4.00", "1.00", "8.00"]);
  });

  it("puts PyTorch's two runs beside the rounds, or says why it is absent", () => {
    const run = (ms: readonly number[]) => ({ torch: "1.13", device: "CPU, 2 threads", ms, peakBytes: null });
    const beside = { before: run([5, 5]), after: run([20, 20]) };
    const text = reportText(report([OWN, OTHER], { pytorch: beside }));
    expect(cells(text, "pytorch").at(-1)).toBe("1.25 (0.50–2.00)");
    expect(reportText(report([OWN, OTHER], { pytorch: "no module named torch" }))).toContain(
      "pytorch: absent, no module named torch",
    );
  });
});
