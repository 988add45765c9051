import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { bench, startBench } from "./support/bench";
import { phantomPng } from "./support/lab";
import { pythonWith } from "./support/python";

const TINY = ["--width", "2", "--size", "32", "--batch", "4", "--engine", "tfjs-wasm", "--seed", "3"];
const XRAYS = "../shared/data/cxr256";

const newFolder = (): string => join(mkdtempSync(join(tmpdir(), "lab-bench-")), "out");
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

/** Trains on the recorded batches in PyTorch, and measures the exported pictures with scikit-image. */
function replayInPytorch(out: string): void {
  const python = pythonWith("torch", "skimage");
  if (python === null) {
    console.warn(
      "PyTorch or scikit-image is not installed: the trace and the metrics are not checked against them",
    );
    return;
  }
  const replay = spawnSync(python, ["pytorch/replay.py", out], { encoding: "utf8" });
  expect(replay.status, replay.stdout + replay.stderr).toBe(0);
}

test.describe.configure({ timeout: 300_000 });

test("a run on phantoms writes every file of the contract", async () => {
  const out = newFolder();
  const args = [
    "--data",
    "phantom:24",
    "--epochs",
    "2",
    "--trace",
    "3",
    "--export-images",
    "2",
    "--out",
    out,
  ];
  const { code, stdout, stderr } = await bench(...TINY, ...args);
  expect(code, stderr).toBe(0);
  expect(stdout.trim().split("\n").at(-1)).toBe(join(out, "result.json"));

  const result = json(join(out, "result.json"));
  expect(result.schemaVersion).toBe(1);
  expect(result.network).toEqual({ externalRequests: 0 });
  expect(result.dataset).toMatchObject({ images: 24, synthetic: true, train: 12, validation: 8, test: 4 });
  expect(result.epochs).toHaveLength(2);
  expect(result.test.count).toBe(4);
  expect(result.test.denoised.psnrDb.mean).toBeGreaterThan(0);
  expect(result.complete).toBe(true);
  expect(existsSync(join(out, ".resume"))).toBe(false);

  expect(readFileSync(join(out, "epochs.csv"), "utf8").trim().split("\n")).toHaveLength(3);
  const rows = readFileSync(join(out, "per-image.csv"), "utf8").trim().split("\n");
  expect(rows[0]).toBe("file,psnr_db,ssim,lpips,noisy_psnr_db,noisy_ssim,noisy_lpips");
  expect(rows).toHaveLength(5);
  expect(readdirSync(join(out, "images"))).toHaveLength(6);
  expect(readdirSync(join(out, "arrays"))).toHaveLength(6);
  expect(readdirSync(join(out, "trace")).sort()).toEqual([
    "batches.safetensors",
    "final.safetensors",
    "gradients.safetensors",
    "initial.safetensors",
    "losses.json",
  ]);
  for (const file of ["report.md", "model.safetensors", "last.safetensors", "film/step-00000000.png"])
    expect(existsSync(join(out, file)), file).toBe(true);

  replayInPytorch(out);
});

test("the lab's own engine trains, and PyTorch finds the same numbers", async () => {
  const out = newFolder();
  const args = [
    "--data",
    "phantom:24",
    "--epochs",
    "1",
    "--trace",
    "3",
    "--export-images",
    "2",
    "--out",
    out,
  ];
  const { code, stderr } = await bench(...TINY, "--engine", "webgpu", ...args);
  expect(code, stderr).toBe(0);
  const result = json(join(out, "result.json"));
  expect(result.engine.name).toBe("webgpu");
  expect(result.environment.adapter).not.toBeNull();
  expect(result.memory.deviceBytesPeak).toBeGreaterThan(0);
  replayInPytorch(out);
});

test("interrupted and resumed, a run ends with the numbers of an undisturbed one", async () => {
  const args = [...TINY, "--data", "phantom:24", "--epochs", "60"];
  const whole = newFolder();
  expect((await bench(...args, "--out", whole)).code).toBe(0);

  const out = newFolder();
  const first = startBench(...args, "--out", out);
  await expect.poll(first.output, { timeout: 120_000 }).toMatch(/epoch \d/);
  first.interrupt();
  const stopped = await first.exit;
  expect(stopped.code, stopped.stderr).toBe(1);
  expect(stopped.stderr).toContain("--resume");
  expect(json(join(out, "result.json")).complete).toBe(false);

  const resumed = await bench("--resume", out);
  expect(resumed.code, resumed.stderr).toBe(0);
  const [a, b] = [json(join(whole, "result.json")), json(join(out, "result.json"))];
  expect(b.complete).toBe(true);
  const numbers = (result: typeof a) =>
    result.epochs.map(({ seconds, validationSeconds, ...rest }: Record<string, number>) => rest);
  expect(numbers(b)).toEqual(numbers(a));
  expect(b.test).toEqual(a.test);
  for (const file of ["model.safetensors", "last.safetensors"])
    expect(readFileSync(join(out, file)).equals(readFileSync(join(whole, file))), file).toBe(true);
});

test("bad data ends with one line and exit code 2, and leaves nothing behind", async () => {
  const empty = mkdtempSync(join(tmpdir(), "lab-empty-"));
  const one = mkdtempSync(join(tmpdir(), "lab-one-"));
  writeFileSync(join(one, "one.png"), phantomPng(64, 1));
  const weights = join(empty, "broken.safetensors");
  const cases: [string, string[]][] = [
    ["data/empty", ["--data", empty]],
    ["data/too-few", ["--data", one]],
    ["data/empty", ["--data", one, "--size", "128"]],
    ["weights/truncated", ["--data", "phantom:12", "--weights", weights]],
  ];
  for (const [expected, args] of cases) {
    if (args.includes(weights)) writeFileSync(weights, "garbage");
    const out = newFolder();
    const { code, stderr } = await bench(...TINY, ...args, "--out", out);
    expect(code, stderr).toBe(2);
    expect(stderr.trim().split("\n").at(-1)).toMatch(new RegExp(`^${expected}: .+\\.$`));
    expect(existsSync(out)).toBe(false);
  }
});

test("real X-rays train headless", async () => {
  if (!existsSync(XRAYS)) console.warn(`${XRAYS} is not here: no run on real X-rays`);
  test.skip(!existsSync(XRAYS), `${XRAYS} is not here`);
  const out = newFolder();
  const { code, stderr } = await bench(
    ...TINY,
    "--data",
    XRAYS,
    "--max-images",
    "40",
    "--epochs",
    "1",
    "--out",
    out,
  );
  expect(code, stderr).toBe(0);
  const result = json(join(out, "result.json"));
  expect(result.dataset.images).toBe(40);
  expect(result.dataset.synthetic).toBe(false);
  const rows = readFileSync(join(out, "per-image.csv"), "utf8").trim().split("\n").slice(1);
  for (const row of rows) expect(row).toMatch(/^\d{8}_\d{3}\.png,/);
});
