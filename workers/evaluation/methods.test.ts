import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DatasetRecord } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { ComparisonProgress } from "@/contracts/workers";
import { exampleRun } from "@/evaluation/exampleRun.fixture";
import { METHODS } from "@/evaluation/methods/registry";
import { RUN_HERE, runMethod } from "@/evaluation/methods/task";
import { noisyTestImages } from "@/evaluation/testSet";
import { psnrDb } from "@/imaging/metrics";
import { closeDatabase, DATABASE_NAME, openDatabase } from "@/storage/database";
import { openImageReader } from "@/storage/datasets";
import { createRun, getRun } from "@/storage/runs";
import { servePort } from "../portPool";
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

const compare = (names: readonly string[], id = "run-1") =>
  compareStoredRun(
    id,
    names,
    () => undefined,
    () => false,
    RUN_HERE,
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

  it("keeps what is stored when it is cancelled", async () => {
    await storeRun();
    await compare(["median"]);
    const cancelled = compareStoredRun(
      "run-1",
      ["tv"],
      () => undefined,
      () => true,
      RUN_HERE,
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
