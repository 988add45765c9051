import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import type { BenchPlan } from "../bench/options";
import { parseStudy } from "./options";

const NOW = new Date("2026-01-02T03:04:05Z");

function plan(...args: string[]): BenchPlan {
  const command = parseStudy(["--data", "phantom:64", ...args], NOW);
  if (command.kind !== "run") throw new Error(command.kind);
  return command.plan;
}

function codeOf(...args: string[]): string {
  try {
    parseStudy(args, NOW);
  } catch (error) {
    if (error instanceof LabError) return error.failure.code;
    throw error;
  }
  return "accepted";
}

describe("parseStudy", () => {
  it("is every network, noise, setup and precision, those first that say most", () => {
    const { runs, sweep, out } = plan();
    expect(sweep).toBe("study");
    expect(out).toMatch(/results[/\\]2026-01-02-03-04-05-study$/);
    expect(runs).toHaveLength(2 * 3 * 3 * 2);
    expect(new Set(runs.map(({ folder }) => folder)).size).toBe(runs.length);
    expect(runs.slice(0, 7).map(({ folder }) => folder)).toEqual([
      "unet-std0.1-single-f32",
      "unetpp-std0.1-single-f32",
      "unet-std0.2-single-f32",
      "unetpp-std0.2-single-f32",
      "unet-std0.3-single-f32",
      "unetpp-std0.3-single-f32",
      "unet-std0.1-dp2-f32",
    ]);
    expect(runs.at(-1)?.folder).toBe("unetpp-std0.3-ddp2-mixed");
    for (const { config } of runs) {
      expect(config.training).toMatchObject({ epochs: 50, batchSize: 16 });
      expect(config.model.width).toBe(64);
      expect(config.noise).toMatchObject({ mean: 0, draw: "fresh" });
    }
  });

  it("compares methods once at each noise, and keeps pictures of one replica's runs", () => {
    const { runs } = plan();
    const compared = runs.filter(({ config }) => config.evaluation.baselines.length > 0);
    expect(compared.map(({ folder }) => folder)).toEqual([
      "unet-std0.1-single-f32",
      "unet-std0.2-single-f32",
      "unet-std0.3-single-f32",
    ]);
    expect(compared[0]?.config.evaluation.baselines).toContain("bm3d");
    expect(compared[0]?.config.evaluation.baselines).not.toContain("mean");
    expect(runs.filter(({ config }) => config.evaluation.exportImages === 3)).toHaveLength(6);
  });

  it("takes DnCNN among the methods where its weights are given", () => {
    const [first] = plan("--dncnn", "package.json").runs;
    expect(first?.config.evaluation.baselines.at(-1)).toBe("dncnn");
  });

  it("as published has the study's noise and the mean-corrected input", () => {
    const [first] = plan("--mode", "paper").runs;
    expect(first?.config.noise).toEqual({ mean: 0.1, std: 0.1, draw: "once" });
    expect(first?.config.data.splitBy).toBe("image");
    expect(first?.config.evaluation.baselines).toContain("mean");
  });

  it("quick is small, in floats, and every size can still be chosen", () => {
    const { runs } = plan("--quick", "--epochs", "2");
    // 2 networks × 3 noise levels, and two more setups at the first of them.
    expect(runs).toHaveLength(6 + 4);
    expect(runs[0]?.config).toMatchObject({
      model: { width: 8 },
      data: { size: 64, maxImages: 256 },
      training: { epochs: 2, batchSize: 4 },
    });
  });

  it("repeats the study for each seed, with folders that tell them apart", () => {
    const { runs } = plan("--seeds", "42,43", "--models", "unet", "--noise-std", "0.2", "--setups", "single");
    expect(runs.map(({ folder, config }) => [folder, config.seed])).toEqual([
      ["unet-std0.2-single-f32-seed42", 42],
      ["unet-std0.2-single-mixed-seed42", 42],
      ["unet-std0.2-single-f32-seed43", 43],
      ["unet-std0.2-single-mixed-seed43", 43],
    ]);
  });

  it("leaves mixed precision out where the engine has none", () => {
    expect(plan("--engine", "tfjs-wasm").runs).toHaveLength(18);
  });

  it.each([
    ["bench/options", []],
    ["bench/options", ["--data", "phantom:64", "--mode", "better"]],
    ["bench/options", ["--data", "phantom:64", "--seeds", ","]],
    ["bench/options", ["--data", "phantom:64", "--engine", "abacus"]],
    ["bench/options", ["--data", "phantom:64", "--setups-at", "0.4"]],
    ["bench/options", ["--resume", "somewhere", "--quick"]],
    ["config/invalid", ["--data", "phantom:64", "--models", "resnet"]],
    ["config/invalid", ["--data", "phantom:64", "--setups", "dp"]],
    ["config/unsupported", ["--data", "phantom:64", "--engine", "tfjs-wasm", "--precisions", "mixed"]],
    ["config/baseline", ["--data", "phantom:64", "--baselines", "magic"]],
    ["weights/no-dncnn", ["--data", "phantom:64", "--baselines", "dncnn"]],
    ["weights/missing", ["--data", "phantom:64", "--dncnn", "no-such-file"]],
    ["data/missing", ["--data", "no-such-folder"]],
  ])("refuses with %s: %j", (code, args) => {
    expect(codeOf(...args)).toBe(code);
  });
});
