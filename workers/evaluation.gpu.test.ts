import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as evaluation from "@/bridge/evaluation";
import { unwrap } from "@/contracts/failure";
import type { GreyImage } from "@/contracts/workers";
import { exampleRun } from "@/evaluation/exampleRun.fixture";
import { decodeImage } from "@/imaging/decode";
import { psnrDb } from "@/imaging/metrics";
import { renderPhantom } from "@/imaging/phantom";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { writeSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getModel, listModels, putModel } from "@/storage/models";
import { createRun, getRun } from "@/storage/runs";

const MODEL = { name: "unet", width: 2, norm: "last" } as const;
const weightFile = new File(
  [writeSafetensors(initialWeights(buildGraph(MODEL), 1))],
  "tiny network.safetensors",
);

let modelId = "";

beforeAll(async () => {
  modelId = unwrap(await evaluation.importModel(weightFile)).id;
});
afterAll(async () => {
  await closeDatabase();
  indexedDB.deleteDatabase(DATABASE_NAME);
});

const phantomFile = async (size: number): Promise<File> => {
  const pixels = renderPhantom(size, 1, 0);
  const image: GreyImage = {
    width: size,
    height: size,
    data: Float32Array.from(pixels, (value) => value / 255),
  };
  return new File([unwrap(await evaluation.encodePng16(image))], "phantom.png");
};

describe("evaluation.worker", () => {
  it("denoises a file of an odd size and reports what it did", async () => {
    const progress: number[] = [];
    const file = await phantomFile(100);
    const result = unwrap(
      await evaluation.denoise({ modelId, file, addNoise: { mean: 0, std: 0.1, seed: 3 } }, ({ tilesDone }) =>
        progress.push(tilesDone),
      ),
    );
    expect(result).toMatchObject({ name: "phantom.png", tiles: 1 });
    expect(result.engine).toMatch(/^tfjs-/);
    expect(result.denoised.data).toHaveLength(100 * 100);
    expect(result.psnrDb).toBe(psnrDb(result.denoised.data, result.clean?.data ?? new Float32Array()));
    expect(progress).toEqual([0, 1]);
    const png = await decodeImage(
      new Uint8Array(await unwrap(await evaluation.encodePng16(result.denoised)).arrayBuffer()),
      "out.png",
    );
    expect(png).toMatchObject({ width: 100, height: 100, bits: 16 });
  });

  it("makes previews with a model's output, quickly once it is warm", async () => {
    const request = {
      source: { kind: "phantom", seed: 1, index: 0, size: 64 },
      noise: { mean: 0, std: 0.1 },
      seed: 1,
      modelId,
    } as const;
    const first = performance.now();
    const preview = unwrap(await evaluation.previewNoise(request));
    const second = performance.now();
    unwrap(await evaluation.previewNoise({ ...request, noise: { mean: 0, std: 0.2 } }));
    console.warn(
      `preview of 64² with a model: ${(second - first).toFixed(0)} ms, then ${(performance.now() - second).toFixed(0)} ms`,
    );
    expect(preview.denoised?.data).toHaveLength(64 * 64);
    expect(preview.noisyPsnrDb).toBeGreaterThan(15);
  });

  it("cancels what runs and what waits", async () => {
    const file = await phantomFile(1024);
    const denoise = () =>
      evaluation.denoise({ modelId, file, addNoise: null }, ({ tilesDone }) => {
        if (tilesDone === 1) void evaluation.cancel();
      });
    const outcomes = await Promise.all([denoise(), denoise()]);
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ ok: false, failure: { code: "run/cancelled" } });
  });

  it("takes 1024² through four tiles", async () => {
    const file = await phantomFile(1024);
    const result = unwrap(await evaluation.denoise({ modelId, file, addNoise: null }, () => undefined));
    expect(result.tiles).toBe(4);
    expect(result.denoised.data).toHaveLength(1024 * 1024);
    console.warn(
      `1024², U-Net width 2, ${result.engine}: ${result.seconds.toFixed(2)} s, ${navigator.hardwareConcurrency} cores`,
    );
  });

  it("exports a run as a zip and imports it again", async () => {
    const { run, curve, weights } = exampleRun();
    await createRun(run, { curve: { firstStep: 1, ...curve } });
    await putModel({
      id: `${run.id}-best`,
      name: run.name,
      runId: run.id,
      kind: "best",
      model: run.config.model,
      noise: run.config.noise,
      createdAt: 0,
      bytes: writeSafetensors(weights.best ?? new Map()),
    });
    const zip = unwrap(await evaluation.exportRun(run.id, new Map(), true));
    unwrap(await evaluation.renameRun(run.id, "renamed"));
    expect((await getRun(run.id)).name).toBe("renamed");
    unwrap(await evaluation.deleteRun(run.id));
    expect(unwrap(await evaluation.importRun([new File([zip], "run.zip")]))).toBe(run.id);
    expect(await getRun(run.id)).toEqual(run);
  });

  it("keeps the codes of failures across the thread", async () => {
    const bad = await evaluation.importModel(new File(["no weights"], "bad.safetensors"));
    expect(bad.ok ? "" : bad.failure.code).toMatch(/^weights\//);
    expect(await evaluation.importRun([new File(["PK"], "bad.zip")])).toMatchObject({
      failure: { code: "run/corrupt" },
    });
  });

  it("describes networks, renames and deletes models", async () => {
    const described = unwrap(await evaluation.describeModel({ name: "unet", width: 64, norm: "last" }, 256));
    expect(described.parameters).toBe(31_036_481);
    expect(described.forwardGflopsPerImage).toBeCloseTo(96.18, 1);
    unwrap(await evaluation.renameModel(modelId, "other"));
    expect((await getModel(modelId)).name).toBe("other");
    unwrap(await evaluation.deleteModel(modelId));
    expect((await listModels()).some(({ id }) => id === modelId)).toBe(false);
  });
});
