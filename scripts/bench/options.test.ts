import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import { type BenchPlan, parseCommand } from "./options";

const NOW = new Date("2026-01-02T03:04:05Z");

function plan(...args: string[]): BenchPlan {
  const command = parseCommand(args, NOW);
  if (command.kind !== "run") throw new Error(command.kind);
  return command.plan;
}

function codeOf(...args: string[]): string {
  try {
    parseCommand(args, NOW);
  } catch (error) {
    if (error instanceof LabError) return error.failure.code;
    throw error;
  }
  return "accepted";
}

describe("parseCommand", () => {
  it("without options is the default config on 64 phantoms", () => {
    const { runs, data, out } = plan();
    expect(runs).toEqual([{ folder: "", config: DEFAULT_CONFIG }]);
    expect(data).toEqual({ kind: "phantom", count: 64 });
    expect(out).toMatch(/results[/\\]2026-01-02-03-04-05-unet$/);
  });

  it("lays options over a mode over a config file", () => {
    const file = join(mkdtempSync(join(tmpdir(), "bench-")), "config.json");
    writeFileSync(file, JSON.stringify({ seed: 7, noise: { mean: 0.5, std: 0.3 }, model: { width: 4 } }));
    const { config } =
      plan("--config", file, "--mode", "paper", "--noise-mean", "-0.2", "--split-by", "patient").runs[0] ??
      {};
    expect(config?.seed).toBe(7);
    expect(config?.noise).toEqual({ mean: -0.2, std: 0.3, draw: "once" });
    expect(config?.model.width).toBe(4);
    expect(config?.data.splitBy).toBe("patient");
  });

  it("makes a sweep of several standard deviations", () => {
    const { runs } = plan("--noise-std", "0.1,0.2,0.3", "--width", "8");
    expect(runs.map(({ folder, config }) => [folder, config.noise.std])).toEqual([
      ["std-0.1", 0.1],
      ["std-0.2", 0.2],
      ["std-0.3", 0.3],
    ]);
  });

  it("sweeps setups: one, two as a master with a helper, two as equals, in what the engine computes", () => {
    const names = (...args: string[]) => plan("--sweep", "setups", ...args).runs.map(({ folder }) => folder);
    expect(names("--noise-std", "0.2")).toEqual([
      "single-f32",
      "single-mixed",
      "dp2-f32",
      "dp2-mixed",
      "ddp2-f32",
      "ddp2-mixed",
    ]);
    expect(names("--engine", "tfjs-wasm")).toEqual(["single-f32", "dp2-f32", "ddp2-f32"]);
    const { runs, sweep } = plan("--sweep", "setups", "--noise-std", "0.2", "--batch", "8");
    expect(sweep).toBe("setups");
    for (const { config } of runs) expect([config.noise.std, config.training.batchSize]).toEqual([0.2, 8]);
    expect(runs.at(-1)?.config.engine).toMatchObject({ setup: "ddp:2", precision: "mixed" });
  });

  it("takes weights of the method dncnn by their path, and with all methods", () => {
    expect(plan("--baselines", "noisy,dncnn", "--dncnn", "package.json").dncnn).toBe(resolve("package.json"));
    expect(plan("--baselines", "all", "--dncnn", "package.json").dncnn).toBe(resolve("package.json"));
    expect(plan("--baselines", "all").dncnn).toBeNull();
  });

  it("takes the networks by their names", () => {
    expect(plan("--model", "dncnn", "--width", "8").runs[0]?.config.model).toEqual({
      name: "dncnn",
      width: 8,
      norm: "last",
    });
  });

  it("takes LPIPS weights by their path", () => {
    const { runs, lpips } = plan("--evaluate", "psnr,ssim,lpips", "--lpips", "package.json");
    expect(lpips).toBe(resolve("package.json"));
    expect(runs[0]?.config.evaluation.metrics).toEqual(["psnr", "ssim", "lpips"]);
    expect(plan().lpips).toBeNull();
  });

  it.each([
    [["--sweep", "seeds"], "bench/options"],
    [["--sweep", "setups", "--setup", "ddp:2"], "bench/options"],
    [["--sweep", "setups", "--noise-std", "0.1,0.2"], "bench/options"],
    [["--payload", "f8"], "config/invalid"],
    [["--batch-norm", "global"], "config/invalid"],
    [["--colour", "red"], "bench/options"],
    [["--width", "wide"], "bench/options"],
    [["--width", "0"], "config/invalid"],
    [["--size", "100"], "shape/size"],
    [["--engine", "tfjs-wasm", "--precision", "mixed"], "config/unsupported"],
    [["--setup", "ddp:1"], "config/invalid"],
    [["--evaluate", "psnr,lpips"], "weights/no-lpips"],
    [["--evaluate", "psnr,ssim", "--lpips", "package.json"], "bench/options"],
    [["--evaluate", "psnr,vif"], "config/invalid"],
    [["--baselines", "bm3d,bm4d"], "config/baseline"],
    [["--lpips", "/no/such/file"], "weights/missing"],
    [["--data", "/no/such/folder"], "data/missing"],
    [["--data", "phantom:none"], "bench/options"],
    [["--weights", "/no/such/file"], "weights/missing"],
    [["--dncnn", "/no/such/file"], "weights/missing"],
    [["--baselines", "tv,dncnn"], "weights/no-dncnn"],
    [["--baselines", "tv", "--dncnn", "package.json"], "bench/options"],
    [["--config", "/no/such/file"], "bench/options"],
    [["--resume", "x", "--width", "8"], "bench/options"],
    [["stray"], "bench/options"],
  ])("refuses %j as %s", (args, code) => {
    expect(codeOf(...args)).toBe(code);
  });
});
