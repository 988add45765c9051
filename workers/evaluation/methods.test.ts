import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DatasetRecord } from "@/contracts/dataset";
import type { ComparisonProgress } from "@/contracts/workers";
import { exampleRun } from "@/evaluation/exampleRun.fixture";
import { METHODS } from "@/evaluation/methods/registry";
import { noisyTestImages } from "@/evaluation/testSet";
import { psnrDb } from "@/imaging/metrics";
import { closeDatabase, DATABASE_NAME, openDatabase } from "@/storage/database";
import { openImageReader } from "@/storage/datasets";
import { createRun, getRun } from "@/storage/runs";
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
  });

  it("keeps what is stored when it is cancelled", async () => {
    await storeRun();
    await compare(["median"]);
    const cancelled = compareStoredRun(
      "run-1",
      ["tv"],
      () => undefined,
      () => true,
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
