import { describe, expect, it } from "vitest";
import type { RunResult } from "@/contracts/training";
import { PAPER_DATA, paperConfig } from "../paperResults";
import { buildStudyReport } from "./build";
import { methodResult, type StudyRunParts, studyRun } from "./studyRuns.fixture";

const summaryOf = (...runs: StudyRunParts[]): readonly string[] =>
  buildStudyReport(runs.map(studyRun), [], { madeAt: 0 }).summary;

const withMethods =
  (...methods: NonNullable<RunResult["methods"]>) =>
  (result: RunResult): RunResult => ({ ...result, methods });

/** A run of the study's own size. */
function asInStudy(result: RunResult): RunResult {
  const { model, data, training } = paperConfig(result.config);
  const [epoch] = result.epochs;
  if (!epoch) throw new Error("The fixture has no epoch.");
  return {
    ...result,
    config: {
      ...result.config,
      model: { ...model, name: result.config.model.name },
      data: { ...result.config.data, size: data.size },
      training,
    },
    dataset: { ...result.dataset, images: PAPER_DATA.images },
    epochs: Array.from({ length: training.epochs }, (_, i) => ({ ...epoch, epoch: i + 1 })),
  };
}

describe("the study's decibels in the summary", () => {
  it("come with what its size was otherwise, in the same sentence and once for all networks", () => {
    const [first] = summaryOf({ id: "u" }, { id: "pp", model: { name: "unetpp" }, psnrDb: [31, 32, 33] });
    expect(first).toMatch(
      /^At σ 0\.1 U-Net width 1 reaches 31\.333 ± \d\.\d{3} dB and U-Net\+\+ width 1 reaches 32\.000 ± \d\.\d{3} dB \(the study, width 64, 256×256 pixels, 50 epochs, 14,999 images: U-Net 34\.952 ± 0\.040 dB and U-Net\+\+ 34\.387 ± 0\.050 dB\)\.$/,
    );
  });

  it("stand by themselves beside a run of the same size", () => {
    const [first] = summaryOf({ id: "u", change: asInStudy });
    expect(first).toMatch(
      /^At σ 0\.1 U-Net reaches 31\.333 ± \d\.\d{3} dB \(the study: 34\.952 ± 0\.040 dB\)\.$/,
    );
  });

  it("say the mean of the noise too, and what each network had where they differ", () => {
    const [first] = summaryOf(
      { id: "u", model: { width: 64 } },
      { id: "pp", model: { name: "unetpp" }, epochSeconds: Array.from({ length: 50 }, () => 1) },
    );
    expect(first).toContain(
      "dB (the study, 256×256 pixels, 50 epochs, 14,999 images: 34.952 ± 0.040 dB) and",
    );
    expect(first).toContain("dB (the study, width 64, 256×256 pixels, 14,999 images: 34.387 ± 0.050 dB).");
    const [without] = summaryOf({ id: "u", noise: { mean: 0 }, change: asInStudy });
    expect(without).toContain("(the study, noise of mean 0.1: 34.952 ± 0.040 dB)");
  });

  it("counts the epochs that were trained, not those that were meant", () => {
    const change = (result: RunResult): RunResult => {
      const made = asInStudy(result);
      return { ...made, epochs: made.epochs.slice(0, 20), complete: false };
    };
    expect(summaryOf({ id: "u", change })[0]).toContain("(the study, 50 epochs: 34.952 ± 0.040 dB)");
  });

  it("are left out at a noise that it did not run, and setups are named where no run is of one device", () => {
    const [first] = summaryOf({ id: "u", noise: { std: 0.15 }, engine: { setup: "dp:2" } });
    expect(first).toMatch(/^At σ 0\.15 U-Net width 1 \(2 replicas, DP\) reaches 31\.333 ± \d\.\d{3} dB\.$/);
    const [mixed] = summaryOf({ id: "u", engine: { setup: "ddp:2", precision: "mixed" } });
    expect(mixed).toMatch(/14,999 images: 34\.483 dB\)\.$/);
  });
});

describe("methods in the summary", () => {
  const noisy = methodResult("noisy", "Noisy input", 40, { mean: -9, low: -9.5, high: -8.5 });
  const bm3d = methodResult("bm3d", "BM3D", 33, { mean: -1.667, low: -2, high: -1.25 });
  const median = methodResult("median", "Median filter", 29, { mean: 2.333, low: 2, high: 3 });

  it("name the best by its mean with the paired difference, and what the network is above and below", () => {
    const sentences = summaryOf({ id: "u", change: withMethods(noisy, median, bm3d) });
    // The noisy input is no method, however it stands.
    expect(sentences.at(-1)).toBe(
      "At σ 0.1 BM3D has the highest mean PSNR of the 2 methods compared, 33.000 ± 0.516 dB: 1.667 [1.250, 2.000] dB above U-Net width 1 on the same 3 test images (Wilcoxon, Holm: p < 0.0001). U-Net width 1 is above Median filter; below BM3D (by PSNR, level 0.05).",
    );
  });

  it("are below a better network", () => {
    const weak = methodResult("bm3d", "BM3D", 29.5, { mean: 1.8333, low: 1, high: 2 }, 0.0123);
    expect(summaryOf({ id: "u", change: withMethods(weak, median) }).at(-1)).toContain(
      "29.500 ± 0.461 dB: 1.833 [1.000, 2.000] dB below U-Net width 1 on the same 3 test images (Wilcoxon, Holm: p = 0.0123). U-Net width 1 is above BM3D and Median filter (by PSNR",
    );
  });

  it("are not told apart unless both the test and the interval say so", () => {
    const open = [
      methodResult("bm3d", "BM3D", 31.4, { mean: -0.067, low: -0.5, high: 0.4 }, 0.7),
      methodResult("tv", "Total variation", 31.2, { mean: 0.133, low: 0.01, high: 0.4 }, 0.06),
      methodResult("nlm", "Non-local means", 31.1, { mean: 0.233, low: -0.01, high: 0.4 }, 0.01),
      methodResult("median", "Median filter", 31, { mean: 0.333, low: 0.1, high: 0.4 }, Number.NaN),
    ];
    expect(summaryOf({ id: "u", change: withMethods(...open) }).at(-1)).toBe(
      "At σ 0.1 BM3D has the highest mean PSNR of the 4 methods compared, 31.400 ± 0.491 dB: not told apart from U-Net width 1 on the same 3 test images (U-Net width 1 less BM3D: −0.067 [−0.500, +0.400] dB; Wilcoxon, Holm: p = 0.7000). U-Net width 1 is not told apart from BM3D, Total variation, Non-local means and Median filter (by PSNR, level 0.05).",
    );
  });

  it("are set against every network that was compared, each with its own difference", () => {
    const other = methodResult("bm3d", "BM3D", 33, { mean: 1, low: 0.5, high: 1.5 });
    const sentences = summaryOf(
      { id: "u", change: withMethods(bm3d) },
      { id: "pp", model: { name: "unetpp" }, psnrDb: [33, 34, 35], change: withMethods(other) },
    );
    expect(sentences.at(-1)).toContain(
      "BM3D has a mean PSNR of 33.000 ± 0.516 dB: 1.667 [1.250, 2.000] dB above U-Net width 1 on the same 3 test images (Wilcoxon, Holm: p < 0.0001) and 1.000 [0.500, 1.500] dB below U-Net++ width 1 on",
    );
  });

  it("have a sentence for each seed, and none where nothing was compared", () => {
    const sentences = summaryOf(
      { id: "a", seed: 1, change: withMethods(bm3d) },
      { id: "b", seed: 2, change: withMethods(bm3d) },
    ).filter((sentence) => sentence.includes("BM3D"));
    expect(sentences.map((sentence) => sentence.slice(0, 22))).toEqual([
      "At σ 0.1 with seed 1 B",
      "At σ 0.1 with seed 2 B",
    ]);
    expect(summaryOf({ id: "a", change: withMethods(noisy) }).join()).not.toContain("Noisy");
  });
});
