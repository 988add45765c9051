import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DatasetRecord } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { ModelRecord } from "@/contracts/run";
import type { ComparisonProgress } from "@/contracts/workers";
import { referenceEngine } from "@/engine/reference/engine";
import { exampleRun } from "@/evaluation/exampleRun.fixture";
import { METHODS } from "@/evaluation/methods/registry";
import { RUN_HERE, runMethod } from "@/evaluation/methods/task";
import { noisyTestImages } from "@/evaluation/testSet";
import { psnrDb } from "@/imaging/metrics";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { writeSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME, openDatabase } from "@/storage/database";
import { openImageReader } from "@/storage/datasets";
import { putModel } from "@/storage/models";
import { createRun, getRun } from "@/storage/runs";
import { servePort } from "../portPool";
import { Denoiser } from "./denoiser";
import { methodRunner } from "./methodRunner";
import { compareStoredRun } from "./methods";

const SIZE = 16;
const IMAGES = 10;
const dataset: DatasetRecord = {
  id: "d-1",
  name: "Example",
  kind: "imported",
  size: SIZE,
  imageCount: IMAGES,
  patientCount: IMAGES,
  patientSource: "nih-name",
  bytes: IMAGES * SIZE * SIZE,
  imagesPerShard: IMAGES,
  createdAt: 1,
  status: "ready",
  fingerprint: "f".repeat(64),
};

async function storeDataset(): Promise<void> {
  const transaction = (await openDatabase()).transaction(["datasets", "images", "shards"], "readwrite");
  await transaction.objectStore("datasets").put(dataset);
  for (let index = 0; index < IMAGES; index++)
    await transaction
      .objectStore("images")
      .put({ datasetId: "d-1", index, contentHash: `${index}`.repeat(64), patientKey: `${index}` });
  const pixels = Uint8Array.from({ length: IMAGES * SIZE * SIZE }, (_, i) => 60 + (i % SIZE) * 8);
  await transaction.objectStore("shards").put({ datasetId: "d-1", shard: 0, count: IMAGES, pixels });
  await transaction.done;
}

/** The example's run as if its network had been tested on the images stored here. */
async function storeRun(): Promise<void> {
  const { run } = exampleRun();
  const reader = await openImageReader("d-1");
  const { noise, seed } = run.config;
  const perImage = [];
  for (const image of run.perImage ?? []) {
    const { clean, noisy } = await noisyTestImages({ reader, noise, seed }, [image.index]);
    perImage.push({ ...image, noisyPsnrDb: psnrDb(noisy, clean) });
  }
  await createRun({ ...run, perImage });
}

const denoiser = new Denoiser(() => Promise.resolve(referenceEngine));

const compare = (names: readonly string[], id = "run-1") =>
  compareStoredRun(
    id,
    names,
    () => undefined,
    () => false,
    RUN_HERE,
    denoiser,
  );

beforeEach(storeDataset);
afterEach(async () => {
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("compareStoredRun", () => {
  it("stores all methods with the run, and tells how far it is", async () => {
    await storeRun();
    const told: ComparisonProgress[] = [];
    await compareStoredRun(
      "run-1",
      [],
      (progress) => told.push(progress),
      () => false,
      RUN_HERE,
      denoiser,
    );
    const { result } = await getRun("run-1");
    expect(result?.methods?.map(({ name }) => name)).toEqual(METHODS.map(({ name }) => name));
    expect(result?.test?.count).toBe(3);
    expect(told.at(-1)).toMatchObject({
      done: 3 * METHODS.length,
      total: 3 * METHODS.length,
      secondsLeft: 0,
    });
    expect(told[0]?.secondsLeft).toBeNull();
  });

  it("runs those that were named, in the order of tables, and replaces the last comparison", async () => {
    await storeRun();
    await compare(["median"]);
    await compare(["tv", "gaussian"]);
    expect((await getRun("run-1")).result?.methods?.map(({ name }) => name)).toEqual(["gaussian", "tv"]);
    await compare(["all"]);
    expect((await getRun("run-1")).result?.methods).toHaveLength(METHODS.length);
  });

  it("shares the pictures out among workers, and one that fails ends it with its reason", async () => {
    await storeRun();
    const channels = [new MessageChannel(), new MessageChannel()];
    const served = [0, 0];
    for (const [place, { port2 }] of channels.entries())
      servePort(
        port2,
        (task: Parameters<typeof runMethod>[0]) => {
          served[place] = (served[place] ?? 0) + 1;
          if (task.method === "tv") throw new LabError("internal/test", "It broke.", "Mend it.");
          return runMethod(task);
        },
        ({ denoised }) => [denoised.buffer],
      );
    const runner = methodRunner(channels.map(({ port1 }) => port1));
    const compareThere = (names: readonly string[]) =>
      compareStoredRun(
        "run-1",
        names,
        () => undefined,
        () => false,
        runner,
        denoiser,
      );
    try {
      await compare(["median", "gaussian"]);
      const here = (await getRun("run-1")).result?.methods;
      await compareThere(["median", "gaussian"]);
      const there = (await getRun("run-1")).result?.methods;
      const withoutTimes = (methods: typeof here) => methods?.map((method) => ({ ...method, seconds: 0 }));
      expect(withoutTimes(there)).toEqual(withoutTimes(here));
      expect(Math.min(...served)).toBeGreaterThan(0);
      await expect(compareThere(["median", "tv"])).rejects.toMatchObject({
        failure: { code: "internal/test" },
      });
    } finally {
      for (const { port1 } of channels) port1.close();
    }
  });

  describe("with DnCNN", () => {
    const model = { name: "dncnn", width: 2, norm: "none" } as const;
    const graph = buildGraph(model);
    /** A network that estimates no noise but `bias`: what it gives back is its input less that. */
    const constant = (bias: number) =>
      writeSafetensors(
        new Map(
          [...initialWeights(graph, 1)].map(([name, { shape, data }]) => [
            name,
            { shape, data: data.map(() => (name === "model.32.bias" ? bias : 0)) },
          ]),
        ),
      );
    const store = (over: Partial<ModelRecord>) =>
      putModel({
        ...{ id: "dncnn", name: "dncnn_25", runId: null, kind: "imported", model, noise: null, createdAt: 0 },
        ...{ bytes: constant(0) },
        ...over,
      });

    it("takes the mean of the noise off, and gives imported weights the picture that they know", async () => {
      await storeRun();
      await store({});
      await compare(["mean", "dncnn"]);
      const [mean, network] = (await getRun("run-1")).result?.methods ?? [];
      expect(network?.title).toBe("DnCNN (dncnn_25, σ 0.098)");
      expect(network?.psnrDb.mean).toBeCloseTo(mean?.psnrDb.mean ?? Number.NaN, 4);
      expect(network?.seconds).toBeGreaterThan(0);
    });

    it("leaves a run's weights the mean that they learned to take off", async () => {
      await storeRun();
      const { noise } = (await getRun("run-1")).config;
      expect(noise.mean).not.toBe(0);
      await store({ name: "Mine", kind: "best", runId: "another", noise, bytes: constant(noise.mean) });
      await compare(["mean", "dncnn"]);
      const [mean, network] = (await getRun("run-1")).result?.methods ?? [];
      expect(network?.title).toBe(`DnCNN (Mine, σ ${noise.std})`);
      expect(network?.psnrDb.mean).toBeCloseTo(mean?.psnrDb.mean ?? Number.NaN, 4);
    });

    it("is one of all where it has weights, and says what is missing where it was named", async () => {
      await storeRun();
      await store({ kind: "best", runId: "run-1" });
      await expect(compare(["dncnn"])).rejects.toMatchObject({ failure: { code: "weights/no-dncnn" } });
      await compare(["all"]);
      expect((await getRun("run-1")).result?.methods).toHaveLength(METHODS.length);
      await store({});
      await compare([]);
      expect((await getRun("run-1")).result?.methods?.map(({ name }) => name)).toEqual([
        ...METHODS.map(({ name }) => name),
        "dncnn",
      ]);
    });
  });

  it("keeps what is stored when it is cancelled", async () => {
    await storeRun();
    await compare(["median"]);
    const cancelled = compareStoredRun(
      "run-1",
      ["tv"],
      () => undefined,
      () => true,
      RUN_HERE,
      denoiser,
    );
    await expect(cancelled).rejects.toMatchObject({ failure: { code: "run/cancelled" } });
    expect((await getRun("run-1")).result?.methods?.map(({ name }) => name)).toEqual(["median"]);
  });

  it("refuses unknown methods, runs without a test, and images that are not here", async () => {
    const { run } = exampleRun();
    await storeRun();
    await expect(compare(["bm4d"])).rejects.toMatchObject({ failure: { code: "config/baseline" } });
    await createRun({ ...run, id: "cut", result: null, perImage: null });
    await expect(compare([], "cut")).rejects.toMatchObject({ failure: { code: "run/untested" } });
    await createRun({ ...run, id: "elsewhere" });
    await expect(compare(["mean"], "elsewhere")).rejects.toMatchObject({
      failure: { code: "run/other-images" },
    });
    await (await openDatabase()).delete("datasets", "d-1");
    await expect(compare([])).rejects.toMatchObject({ failure: { code: "run/no-images" } });
  });
});
