import "fake-indexeddb/auto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { referenceEngine } from "@/engine/reference/engine";
import { lazyFiles } from "@/evaluation/runZip";
import { readSafetensors, writeSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getRun, getTrace } from "@/storage/runs";
import { start, thread } from "../replica/session.fixture";
import { PYTHON, python, storePhantoms, unpackedBundle } from "./pytorch.fixture";
import { exportForPytorch } from "./pytorchExport";
import { importStoredRun } from "./runs";

const SIZE = 32;
const COUNT = 24;
const STEPS = 8;
/**
 * PyTorch computes in float32, the reference executor in float64. Of ten U-Nets tried (five seeds, width 2 and 4), nine
 * stay below 2e-6 over these steps, and one has gradients near enough to zero for Adam to blow their rounding up to 1e-4.
 */
const LOSS_RTOL = 1e-5;
/**
 * DnCNN's 15 BatchNorms one behind the other blow rounding up: a change of 3e-7 in every layer moves its losses by up to 1e-3 within 20
 * steps in PyTorch itself. The first four steps agree to 1e-5.
 */
const DNCNN_LOSS_RTOL = 1e-3;
/** bfloat16 keeps 8 bits: 0.4 % a rounding. */
const MIXED_LOSS_RTOL = 0.02;
/**
 * In evaluation mode more is seen of rounding: the gradient of a bias in front of BatchNorm is nothing else, Adam makes whole
 * steps of it, and the running mean follows late. 2.5e-5 found.
 */
const VALIDATION_RTOL = 1e-3;
const PSNR_ATOL_DB = 1e-2;
const SSIM_ATOL = 1e-3;
/** Metrics of the noisy images need no network: float64 sums in another order. */
const NOISY_ATOL = 1e-9;

const CONFIG: RunConfig = {
  ...DEFAULT_CONFIG,
  seed: 3,
  data: { ...DEFAULT_CONFIG.data, source: `phantom:${COUNT}`, size: SIZE },
  model: { name: "unet", width: 2, norm: "last" },
  training: { ...DEFAULT_CONFIG.training, batchSize: 5, epochs: 3 },
  engine: { ...DEFAULT_CONFIG.engine, name: "tfjs-cpu" },
  trace: STEPS,
};

const folders: string[] = [];
async function bundle(config: RunConfig): Promise<string> {
  const folder = await unpackedBundle("Phantoms, first", config);
  folders.push(folder);
  return folder;
}

/** Trains in the lab, on the reference executor under a name that a config may have. */
async function trainHere(id: string, config: RunConfig) {
  await start(thread({ ...referenceEngine, name: "tfjs-cpu" }), id, config);
  const trace = await getTrace(id);
  if (!trace) throw new Error("no trace");
  return { trace, run: await getRun(id) };
}

const relativeError = (value: number, expected: number | undefined): number =>
  Math.abs(value / (expected ?? Number.NaN) - 1);

const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8"));

beforeEach(() => storePhantoms(COUNT, SIZE, CONFIG.seed));
afterEach(async () => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("a run exported for PyTorch", () => {
  it("holds config, images with their split, weights, scripts and how to start", async () => {
    const told: number[] = [];
    const config = { ...CONFIG, engine: { ...CONFIG.engine, setup: "ddp:4" } };
    const zip = await exportForPytorch({ name: "Phantoms", config }, ({ imagesDone }) =>
      told.push(imagesDone),
    );
    const files = new Map(
      (await lazyFiles([new File([zip], "bundle.zip")])).map((file) => [file.path, file]),
    );
    const text = async (path: string): Promise<string> =>
      new TextDecoder().decode(await files.get(path)?.bytes());
    expect(JSON.parse(await text("config.json"))).toEqual(config);
    expect(await text("README.txt")).toContain(
      "torchrun --standalone --nproc_per_node=4 pytorch/train.py --bundle .",
    );
    const manifest = JSON.parse(await text("manifest.json"));
    expect(manifest.images).toHaveLength(COUNT);
    expect(manifest.images[3]).toEqual({
      file: "images/0000.npy",
      row: 3,
      part: expect.stringMatching(/^(train|validation|test)$/),
      patient: expect.stringMatching(/^[0-9a-f]{16,}$/),
      contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(
      readSafetensors((await files.get("initial.safetensors")?.bytes()) ?? new Uint8Array()).tensors.size,
    ).toBeGreaterThan(50);
    expect(told).toEqual([0, COUNT]);
  });

  it("brings every script that the scripts import", async () => {
    const folder = await bundle(CONFIG);
    const imported = new Set<string>();
    const follow = (name: string): void => {
      if (imported.has(name)) return;
      imported.add(name);
      const source = readFileSync(join(folder, "pytorch", `${name}.py`), "utf8");
      for (const [, module = ""] of source.matchAll(/^(?:from|import) (\w+)/gm))
        if (existsSync(join("pytorch", `${module}.py`))) follow(module);
    };
    follow("train");
    expect(imported.size).toBeGreaterThan(5);
  });

  it("is refused where the lab would refuse to train it", async () => {
    const config = { ...CONFIG, data: { ...CONFIG.data, source: "dataset:none" } };
    await expect(exportForPytorch({ name: "x", config }, () => undefined)).rejects.toMatchObject({
      failure: { code: "data/missing" },
    });
  });
});

if (PYTHON === null)
  console.warn("skipped: no python3 with torch and numpy, so nothing is trained on PyTorch");

describe.skipIf(PYTHON === null)("PyTorch trains an exported run as the lab does", () => {
  it.each([
    ["fresh noise, U-Net", {}],
    [
      "paper mode, U-Net++, squared error",
      {
        mode: "paper",
        noise: { mean: 0.1, std: 0.2, draw: "once" },
        model: { name: "unetpp", width: 1, norm: "last" },
        training: { ...CONFIG.training, loss: "l2" },
      },
    ],
    ["U-Net with both norms", { model: { name: "unet", width: 2, norm: "both" } }],
    ["DnCNN", { model: { name: "dncnn", width: 2, norm: "last" } }],
    ["DnCNN without BatchNorm", { model: { name: "dncnn", width: 2, norm: "none" } }],
  ] as [string, Partial<RunConfig>][])("%s: the same losses step by step", async (_, part) => {
    const config: RunConfig = { ...CONFIG, ...part };
    const { trace } = await trainHere("here", config);
    const folder = await bundle(config);
    python(folder, "pytorch/train.py", "--bundle", ".", "--steps", String(STEPS), "--trace");
    const losses: number[] = json(folder, "result", "trace", "losses.json");
    expect(losses).toHaveLength(STEPS);
    losses.forEach((loss, step) => {
      expect(relativeError(loss, trace.losses[step]), `step ${step + 1}`).toBeLessThan(
        config.model.name === "dncnn" && step >= 4 ? DNCNN_LOSS_RTOL : LOSS_RTOL,
      );
    });
    // The pictures are the same to the bit.
    const batches = readSafetensors(readFileSync(join(folder, "result", "trace", "batches.safetensors")));
    const [first] = trace.batches;
    expect(batches.tensors.get("noisy")?.data.subarray(0, first?.noisy.length)).toEqual(first?.noisy);
    expect(batches.tensors.get("clean")?.data.subarray(0, first?.clean.length)).toEqual(first?.clean);
  });

  it("the same epochs, best weights and test", async () => {
    const { run } = await trainHere("here", CONFIG);
    const folder = await bundle(CONFIG);
    python(folder, "pytorch/train.py", "--bundle", ".");
    const result = json(folder, "result", "result.json");
    const expected = run.result;
    if (!expected) throw new Error("no result");
    expect(result.complete).toBe(true);
    expect(result.dataset).toEqual(expected.dataset);
    expect(result.model).toEqual(expected.model);
    expect(result.best.epoch).toBe(expected.best.epoch);
    expect(result.epochs).toHaveLength(expected.epochs.length);
    expected.epochs.forEach((epoch, place) => {
      const found = result.epochs[place];
      expect(found.step).toBe(epoch.step);
      expect(relativeError(found.trainLoss, epoch.trainLoss)).toBeLessThan(LOSS_RTOL);
      expect(relativeError(found.validationLoss, epoch.validationLoss)).toBeLessThan(VALIDATION_RTOL);
      expect(Math.abs(found.validationPsnrDb - epoch.validationPsnrDb)).toBeLessThan(PSNR_ATOL_DB);
      expect(Math.abs(found.validationSsim - epoch.validationSsim)).toBeLessThan(SSIM_ATOL);
    });
    for (const kind of ["noisy", "denoised"] as const) {
      const [found, wanted] = [result.test[kind], expected.test?.[kind]];
      const [psnr, ssim] = kind === "noisy" ? [NOISY_ATOL, NOISY_ATOL] : [PSNR_ATOL_DB, SSIM_ATOL];
      for (const part of ["mean", "ci95"] as const) {
        expect(Math.abs(found.psnrDb[part] - (wanted?.psnrDb[part] ?? 0))).toBeLessThan(psnr);
        expect(Math.abs(found.ssim[part] - (wanted?.ssim[part] ?? 0))).toBeLessThan(ssim);
      }
    }
  });

  it("in mixed precision, as near as halves allow", async () => {
    const config: RunConfig = { ...CONFIG, engine: { ...CONFIG.engine, name: "auto", precision: "mixed" } };
    const { trace } = await trainHere("here", CONFIG);
    const folder = await bundle(config);
    python(folder, "pytorch/train.py", "--bundle", ".", "--steps", String(STEPS), "--trace");
    const result = json(folder, "result", "result.json");
    expect(result.environment.features).toContain("autocast bfloat16");
    const losses: number[] = json(folder, "result", "trace", "losses.json");
    losses.forEach((loss, step) => {
      expect(relativeError(loss, trace.losses[step]), `step ${step + 1}`).toBeLessThan(MIXED_LOSS_RTOL);
    });
  });

  it("ends early when validation no longer improves", async () => {
    // A learning rate that moves no weight: only BatchNorm's running statistics settle, and then go up and down.
    const training = { ...CONFIG.training, learningRate: 1e-30, epochs: 60, earlyStoppingPatience: 1 };
    const { run } = await trainHere("here", { ...CONFIG, training });
    const folder = await bundle({ ...CONFIG, training });
    python(folder, "pytorch/train.py", "--bundle", ".");
    const result = json(folder, "result", "result.json");
    expect(result.epochs).toHaveLength(run.epochs.length);
    expect(result.epochs.length).toBeLessThan(60);
    expect(result.complete).toBe(true);
  });

  it("tells of a loss that is no number, and its folder comes in as a failed run", async () => {
    const folder = await bundle(CONFIG);
    const path = join(folder, "initial.safetensors");
    const { tensors } = readSafetensors(readFileSync(path));
    tensors.get("final_conv.bias")?.data.fill(Number.NaN);
    writeFileSync(path, writeSafetensors(tensors));
    expect(() => python(folder, "pytorch/train.py", "--bundle", ".")).toThrow(
      /exit code 1: training\/nan-loss: .* in step 1 \(epoch 1\)/,
    );
    const files = readdirSync(join(folder, "result")).map(
      (name) => new File([readFileSync(join(folder, "result", name))], name),
    );
    const run = await getRun(await importStoredRun(files));
    expect(run).toMatchObject({ status: "failed", failure: { code: "training/nan-loss" } });
  });

  it("refuses bad options and data in one sentence", async () => {
    const folder = await bundle({ ...CONFIG, training: { ...CONFIG.training, epochs: 1 } });
    const train = (...args: string[]) => python(folder, "pytorch/train.py", ...args);
    expect(() => train("--bundle", "elsewhere")).toThrow(/exit code 2: .*config\.json is missing/);
    expect(() => train("--bundle", ".", "--trace")).toThrow(/exit code 2: --trace records/);
    train("--bundle", ".");
    expect(() => train("--bundle", ".")).toThrow(/exit code 2: .*holds a result already/);
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...CONFIG, schemaVersion: 2 }));
    expect(() => train("--bundle", ".", "--out", "other")).toThrow(/exit code 2: .*schema version 2/);
  });
});
