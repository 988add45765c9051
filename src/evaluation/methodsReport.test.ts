import { describe, expect, it } from "vitest";
import type { PriorMethodResult, RunResult } from "@/contracts/training";
import { exampleRun } from "./exampleRun.fixture";
import { reportMarkdown } from "./report";
import { parseResultJson, resultJson } from "./resultJson";

const { run } = exampleRun();
const tv: PriorMethodResult = {
  name: "tv",
  title: "Total variation",
  psnrDb: { mean: 24.5, ci95: 0.25 },
  ssim: { mean: 0.75, ci95: 0.01 },
  lpips: null,
  mae: { mean: 0.03, ci95: 0.001 },
  ssimGaussian: { mean: 0.8, ci95: 0.01 },
  msSsim: null,
  seconds: 0.0456,
  versusNetwork: {
    differenceDb: { mean: 2.125, low: 1.75, high: 2.5 },
    wilcoxonP: 0.25,
    tP: 0.000012,
    holmP: 0.5,
    cohensD: 1.5,
    rankBiserial: 1,
  },
};
const result: RunResult = { ...run.result, methods: [tv] };

describe("methods in the report", () => {
  it("stand beside the network with their tests, and apart from what the study quotes", () => {
    const text = reportMarkdown(run, result, run.perImage ?? [], []);
    expect(text).toContain(
      "| Total variation | 24.500 ± 0.250 | 0.7500 ± 0.0100 | 0.046 | +2.125 [1.750, 2.500] | 0.2500 | < 0.0001 | 0.5000 | 1.50 |",
    );
    expect(text).toContain("| Total variation | not measured | 0.8000 ± 0.0100 | – | 0.0300 ± 0.0010 |");
    expect(text).toContain("Settings: Total variation: Chambolle");
    expect(text).toContain("natural images with σ = 15 and 25 **of 255**");
    expect(text).toContain("| BM3D | 31.08 | 0.8722 | 28.57 | 0.8017 |");
    expect(text.indexOf("## Against prior methods")).toBeLessThan(
      text.indexOf("## Beside the published study"),
    );
  });

  it("has no section without them, and no settings of a method that this lab does not know", () => {
    expect(reportMarkdown(run, run.result, [], [])).not.toContain("prior methods");
    const later = { ...result, methods: [{ ...tv, name: "later", title: "Later" }] };
    expect(reportMarkdown(run, later, [], [])).toContain("| Later | 24.500");
  });
});

describe("methods in result.json", () => {
  it("come back as they were, and nothing comes back where there were none", () => {
    expect(parseResultJson(resultJson(run, result)).result.methods).toEqual([tv]);
    expect(parseResultJson(resultJson(run, run.result)).result).not.toHaveProperty("methods");
  });

  it("of a comparison before further metrics come back, and have one table", () => {
    const { mae: _, ssimGaussian: __, msSsim: ___, lpips: ____, ...earlier } = tv;
    const before = { ...result, methods: [earlier] };
    expect(parseResultJson(resultJson(run, before)).result.methods).toEqual([earlier]);
    const text = reportMarkdown(run, before, run.perImage ?? [], []);
    expect(text.match(/^\| Total variation/gm)).toHaveLength(1);
  });

  it("come back without bounds where there were none", () => {
    const one = { ...tv, psnrDb: { mean: 24.5, ci95: Number.NaN } };
    const text = resultJson(run, { ...result, methods: [one] });
    expect(parseResultJson(text).result.methods).toEqual([one]);
  });
});
