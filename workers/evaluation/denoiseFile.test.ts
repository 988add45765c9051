import "fake-indexeddb/auto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { referenceEngine } from "@/engine/reference/engine";
import { encodePng16 } from "@/imaging/encodePng";
import { psnrDb, ssim } from "@/imaging/metrics";
import { addNoise } from "@/imaging/noise";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { writeSafetensors } from "@/model/safetensors";
import { closeDatabase } from "@/storage/database";
import { putModel } from "@/storage/models";
import { denoiseFile } from "./denoiseFile";
import { Denoiser } from "./denoiser";
import { ImageSource } from "./images";
import { PreviewMaker } from "./preview";

const WIDTH = 37;
const HEIGHT = 21;
const MODEL = { name: "unet", width: 1, norm: "last" } as const;

const denoiser = new Denoiser(() => Promise.resolve(referenceEngine));
const picture = Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => ((i * 37) % 101) / 101);
const file = new File([encodePng16(WIDTH, HEIGHT, picture)], "picture.png");
const never = () => false;

beforeAll(() =>
  putModel({
    id: "m",
    name: "tiny",
    runId: null,
    kind: "imported",
    model: MODEL,
    noise: null,
    createdAt: 0,
    bytes: writeSafetensors(initialWeights(buildGraph(MODEL), 1)),
  }),
);
afterAll(async () => {
  await denoiser.forget("m");
  await closeDatabase();
});

describe("denoiseFile", () => {
  it("gives DnCNN the image's own sides", async () => {
    const model = { name: "dncnn", width: 2, norm: "none" } as const;
    const graph = buildGraph(model);
    const weights = initialWeights(graph, 1);
    const record = { id: "d", name: "d", runId: null, kind: "imported", noise: null, createdAt: 0 } as const;
    await putModel({ ...record, model, bytes: writeSafetensors(weights) });
    const result = await denoiseFile(
      denoiser,
      { modelId: "d", file, addNoise: null },
      () => undefined,
      never,
    );
    const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    const executor = await referenceEngine.create({
      ...{ graph, weights, adam, loss: "l1" },
      ...{ height: HEIGHT, width: WIDTH },
    });
    const direct = await executor.infer(result.input.data, 1);
    expect(result.denoised.data).toEqual(direct.map((value) => Math.min(Math.max(value, 0), 1)));
    await denoiser.forget("d");
  });

  it("returns an image of the file's size in [0, 1], without metrics when the clean one is not known", async () => {
    const progress: number[] = [];
    const result = await denoiseFile(
      denoiser,
      { modelId: "m", file, addNoise: null },
      ({ tilesDone, tiles }) => progress.push(tilesDone / tiles),
      never,
    );
    expect(result).toMatchObject({ name: "picture.png", tiles: 1, engine: "reference", clean: null });
    expect([result.psnrDb, result.ssim, result.inputPsnrDb, result.inputSsim]).toEqual([
      null,
      null,
      null,
      null,
    ]);
    expect(result.denoised).toMatchObject({ width: WIDTH, height: HEIGHT });
    expect(result.denoised.data).toHaveLength(WIDTH * HEIGHT);
    expect(result.denoised.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    // 16-bit precision survives: 1/101 is no multiple of 1/255.
    expect(result.input.data[1]).toBeCloseTo(picture[1] as number, 4);
    expect(progress).toEqual([0, 1]);
  });

  it("adds seeded noise and measures input and output against the file", async () => {
    const addNoise = { mean: 0.05, std: 0.2, seed: 4 };
    const run = () => denoiseFile(denoiser, { modelId: "m", file, addNoise }, () => undefined, never);
    const result = await run();
    const clean = result.clean?.data ?? new Float32Array();
    expect(result.inputPsnrDb).toBe(psnrDb(result.input.data, clean));
    expect(result.psnrDb).toBe(psnrDb(result.denoised.data, clean));
    expect(result.ssim).toBe(ssim(result.denoised.data, clean, WIDTH, HEIGHT));
    expect(result.inputPsnrDb).toBeLessThan(20);
    expect((await run()).input.data).toEqual(result.input.data);
  });

  it("refuses what is no image, a model that is gone, and ends when cancelled", async () => {
    const text = new File(["hello"], "notes.txt");
    const denoise = (request: { modelId: string; file: File }, shouldStop = never) =>
      denoiseFile(denoiser, { ...request, addNoise: null }, () => undefined, shouldStop);
    const code = (expected: string) => ({ failure: { code: expected } });
    await expect(denoise({ modelId: "m", file: text })).rejects.toMatchObject(code("decode/not-an-image"));
    await expect(denoise({ modelId: "gone", file })).rejects.toMatchObject(code("storage/missing"));
    await expect(denoise({ modelId: "m", file }, () => true)).rejects.toMatchObject(code("run/cancelled"));
  });
});

describe("PreviewMaker", () => {
  const source = { kind: "phantom", seed: 1, index: 2, size: 32 } as const;
  const request = { source, noise: { mean: 0, std: 0.1 }, seed: 5, modelId: null };

  it("shows the noise that training would add to this image, with its figures", async () => {
    const previews = new PreviewMaker(new ImageSource(), denoiser);
    const preview = await previews.make(request);
    const pixels = Uint8Array.from(preview.clean.data, (value) => Math.round(value * 255));
    const noisy = new Float32Array(pixels.length);
    addNoise(pixels, request.noise, { seed: 5, index: 2, visit: 0 }, noisy, 0);
    expect(preview.noisy.data).toEqual(noisy);
    expect(preview.noisyPsnrDb).toBe(psnrDb(noisy, preview.clean.data));
    expect(preview.cleanHistogram.reduce((sum, count) => sum + count, 0)).toBe(32 * 32);
    expect(preview.denoised).toBeNull();
    const bounds = noisy.filter((value) => value === 0 || value === 1).length;
    expect(preview.clampedShare).toBe(bounds / noisy.length);
  });

  it("counts no pixel as clamped without noise, and those beyond 1 with a mean alone", async () => {
    const previews = new PreviewMaker(new ImageSource(), denoiser);
    const none = await previews.make({ ...request, noise: { mean: 0, std: 0 } });
    expect([none.clampedShare, none.noisyPsnrDb]).toEqual([0, Number.POSITIVE_INFINITY]);
    const shifted = await previews.make({ ...request, noise: { mean: 0.5, std: 0 } });
    const beyond = shifted.clean.data.filter((value) => value > 0.5).length;
    expect(shifted.clampedShare).toBe(beyond / (32 * 32));
  });

  it("denoises with a model, not clamped", async () => {
    const preview = await new PreviewMaker(new ImageSource(), denoiser).make({ ...request, modelId: "m" });
    expect(preview.denoised?.data).toHaveLength(32 * 32);
    expect(preview.denoisedPsnrDb).toBe(
      psnrDb(preview.denoised?.data ?? new Float32Array(), preview.clean.data),
    );
  });

  it("makes only the latest of requests that come close together", async () => {
    const previews = new PreviewMaker(new ImageSource(), denoiser);
    const outcomes = await Promise.allSettled(
      [0.1, 0.2, 0.3].map((std) => previews.make({ ...request, noise: { mean: 0, std } })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    expect(outcomes[0]).toMatchObject({ reason: { failure: { code: "internal/superseded" } } });
  });

  it("says when an image or data set is not there", async () => {
    const previews = new PreviewMaker(new ImageSource(), denoiser);
    const gone = previews.make({ ...request, source: { kind: "dataset", datasetId: "none", index: 0 } });
    await expect(gone).rejects.toMatchObject({ failure: { code: "data/missing" } });
  });
});
