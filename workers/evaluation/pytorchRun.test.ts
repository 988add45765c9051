import "fake-indexeddb/auto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { referenceEngine } from "@/engine/reference/engine";
import { lazyFiles } from "@/evaluation/runZip";
import { psnrDb, ssim } from "@/imaging/metrics";
import { addNoise, unitPixels } from "@/imaging/noise";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { countParameters } from "@/model/parameters";
import { readModelFile } from "@/model/stateDict";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getModel, listModels } from "@/storage/models";
import { getRun, readCurve } from "@/storage/runs";
import { Denoiser } from "./denoiser";
import { exportStoredRun, importStoredRun } from "./runs";

/** A result folder that `pytorch/train.py` wrote with two gloo processes (`pytorch/make_run_fixture.py`). */
const FOLDER = fileURLToPath(new URL("../../src/evaluation/fixtures/pytorch-run", import.meta.url));
const SIZE = 32;
/** numpy's header in front of the test images' bytes. */
const NPY_HEADER_BYTES = 128;
/** PyTorch computes in float32, the reference executor in float64. */
const PSNR_ATOL_DB = 1e-4;
const SSIM_ATOL = 1e-5;

const denoiser = new Denoiser(() => Promise.resolve(referenceEngine));

/** The files as a browser hands over a chosen folder. */
function folderFiles(): File[] {
  return readdirSync(FOLDER).map((name) => {
    const file = new File([readFileSync(join(FOLDER, name))], name);
    Object.defineProperty(file, "webkitRelativePath", { value: `result/${name}` });
    return file;
  });
}

afterEach(async () => {
  for (const { id } of await listModels()) await denoiser.forget(id);
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("a run that PyTorch trained", () => {
  it("comes in as a run like any other", async () => {
    const run = await getRun(await importStoredRun(folderFiles()));
    expect(run).toMatchObject({
      name: "Smooth images on PyTorch",
      status: "done",
      step: 16,
      failure: null,
      started: { engine: "pytorch-cpu", adapter: null, train: 8, validation: 4, test: 4 },
    });
    // Two replicas of two images: four images a step.
    expect(run.started).toMatchObject({ stepsPerEpoch: 2, totalSteps: 16 });
    expect(run.epochs).toHaveLength(8);
    expect(run.result?.replicas).toMatchObject([
      { adapter: "CPU", shared: true, images: 32 },
      { adapter: "CPU", shared: true, images: 32 },
    ]);
    expect(run.result?.replicas[0]?.exchangeMs).toBeNaN();
    expect(run.perImage?.map(({ index }) => index)).toEqual([1, 5, 9, 13]);
    const { losses, stepMs } = await readCurve(run.id);
    expect([losses.length, stepMs.length]).toEqual([16, 16]);
    const graph = buildGraph(run.config.model);
    expect(run.result?.model).toEqual({
      parameters: countParameters(graph),
      forwardGflopsPerImage: forwardFlops(graph, SIZE, SIZE) / 1e9,
    });
  });

  it("brings weights that denoise here as they did there", async () => {
    const run = await getRun(await importStoredRun(folderFiles()));
    const pixels = new Uint8Array(readFileSync(join(FOLDER, "test-pixels.npy"))).subarray(NPY_HEADER_BYTES);
    for (const [row, image] of (run.perImage ?? []).entries()) {
      const grey = pixels.slice(row * SIZE * SIZE, (row + 1) * SIZE * SIZE);
      const clean = new Float32Array(grey.length);
      const noisy = new Float32Array(grey.length);
      unitPixels(grey, clean, 0);
      addNoise(grey, run.config.noise, { seed: run.config.seed, index: image.index, visit: 0 }, noisy, 0);
      expect(Math.abs(psnrDb(noisy, clean) - image.noisyPsnrDb)).toBeLessThan(PSNR_ATOL_DB);
      expect(Math.abs(ssim(noisy, clean, SIZE, SIZE) - image.noisySsim)).toBeLessThan(SSIM_ATOL);
      const { output } = await denoiser.infer(`${run.id}-best`, noisy, 1, SIZE, SIZE);
      expect(Math.abs(psnrDb(output, clean) - image.psnrDb)).toBeLessThan(PSNR_ATOL_DB);
      expect(Math.abs(ssim(output, clean, SIZE, SIZE) - image.ssim)).toBeLessThan(SSIM_ATOL);
    }
  });

  it("keeps the names and types of its weights, the counters of batches too", async () => {
    const id = await importStoredRun(folderFiles());
    const { model, weights } = readModelFile((await getModel(`${id}-last`)).bytes);
    expect(model).toEqual({ name: "unet", width: 1, norm: "last" });
    expect(weights.get("conv1.3.num_batches_tracked")?.data[0]).toBe(16);
  });

  it("leaves as an export whose report says where it was trained", async () => {
    const id = await importStoredRun(folderFiles());
    const zip = new File([await exportStoredRun(id, new Map(), denoiser)], "export.zip");
    const report = (await lazyFiles([zip])).find(({ path }) => path === "report.md");
    const text = new TextDecoder().decode(await report?.bytes());
    expect(text).toContain("| Engine | pytorch-cpu, float32 |");
    expect(text).toContain("| Device | CPU; 2 CPU cores |");
    expect(text).toMatch(/\| Software \| PyTorch 1\.13/);
    expect(text).not.toContain("Browser");
  });
});
