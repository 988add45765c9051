import "fake-indexeddb/auto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { sha256Hex } from "@/contracts/hash";
import { closeDatabase, DATABASE_NAME, openDatabase } from "./database";
import {
  deleteDataset,
  getDataset,
  listDatasets,
  listImages,
  openImageReader,
  renameDataset,
} from "./datasets";
import { DatasetWriter, imagesPerShard } from "./datasetWriter";

const SIZE = 16;
const NEW = { id: "d", name: "lungs", kind: "imported", size: SIZE } as const;

const image = (index: number, size = SIZE) => ({
  contentHash: index.toString(16).padStart(64, "0"),
  patientKey: `patient-${index % 7}`,
  patientSource: "nih-name" as const,
  pixels: new Uint8Array(size * size).fill(index % 251),
});

async function write(count: number, dataset: Parameters<typeof DatasetWriter.open>[0] = NEW) {
  const writer = await DatasetWriter.open(dataset);
  for (let i = 0; i < count; i++) await writer.add(image(writer.imageCount, dataset.size));
  return writer;
}

/** The shards that IndexedDB was asked for while `work` ran. */
async function shardsRead(work: () => Promise<unknown>): Promise<unknown[]> {
  const get = vi.spyOn(IDBObjectStore.prototype, "get");
  try {
    await work();
    return get.mock.calls.map(([key]) => (Array.isArray(key) ? key[1] : key));
  } finally {
    get.mockRestore();
  }
}

afterEach(async () => {
  vi.restoreAllMocks();
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("DatasetWriter", () => {
  it("stores a dataset that reads back in any order", async () => {
    const size = 512; // 16 images a shard
    const writer = await write(40, { ...NEW, size });
    await writer.finish();
    const dataset = await getDataset("d");
    expect(dataset).toMatchObject({
      imageCount: 40,
      patientCount: 7,
      patientSource: "nih-name",
      bytes: 40 * size * size,
      imagesPerShard: 16,
      status: "ready",
      fingerprint: await sha256Hex(
        new TextEncoder().encode(Array.from({ length: 40 }, (_, i) => image(i).contentHash).join("")),
      ),
    });
    const reader = await openImageReader("d");
    const pixels = await reader.read([39, 0, 17, 0]);
    expect([0, 1, 2, 3].map((i) => pixels[i * size * size])).toEqual([39, 0, 17, 0]);
    expect(pixels.length).toBe(4 * size * size);
    expect(reader.patientKeys[9]).toBe("patient-2");
    await expect(reader.read([40])).rejects.toMatchObject({ failure: { code: "data/index" } });
  });

  it("continues a dataset that was cut off in the middle of a shard, to the same bytes", async () => {
    const whole = await write(25, { ...NEW, id: "whole", size: 512 });
    await whole.finish();
    const cut = await write(11, { ...NEW, size: 512 });
    await cut.flush();
    expect((await getDataset("d")).status).toBe("importing");
    const rest = await write(14, { ...NEW, size: 512 });
    await rest.finish();
    const [a, b] = await Promise.all([getDataset("whole"), getDataset("d")]);
    expect(b.fingerprint).toBe(a.fingerprint);
    const indices = Array.from({ length: 25 }, (_, i) => i);
    const [p, q] = await Promise.all([openImageReader("whole"), openImageReader("d")]);
    expect(Buffer.from(await q.read(indices)).equals(Buffer.from(await p.read(indices)))).toBe(true);
  });

  it("stores a shard, its records and the dataset together or not at all", async () => {
    const writer = await write(3);
    await writer.flush();
    await writer.add(image(3));
    await writer.add({ ...image(4), contentHash: image(0).contentHash });
    // The hash index is unique: the transaction is aborted after the shard was put.
    await expect(writer.flush()).rejects.toThrow();
    expect((await getDataset("d")).imageCount).toBe(3);
    expect((await listImages("d")).length).toBe(3);
    expect((await (await openDatabase()).get("shards", ["d", 0]))?.count).toBe(3);
    expect(writer.dataset?.imageCount).toBe(3);
  });

  it("leaves nothing of a dataset without images", async () => {
    const writer = await DatasetWriter.open(NEW);
    await writer.finish();
    expect(await listDatasets()).toEqual([]);
  });

  it("refuses another size or kind, and an empty name", async () => {
    await (await write(1)).finish();
    await expect(DatasetWriter.open({ ...NEW, size: 32 })).rejects.toMatchObject({
      failure: { code: "shape/size" },
    });
    await expect(DatasetWriter.open({ ...NEW, kind: "phantom" })).rejects.toMatchObject({
      failure: { code: "data/kind" },
    });
    await expect(DatasetWriter.open({ ...NEW, id: "e", name: " " })).rejects.toMatchObject({
      failure: { code: "storage/name" },
    });
  });

  it("keeps a name that was given during the import", async () => {
    const writer = await write(1);
    await writer.flush();
    await renameDataset("d", " thorax ");
    await writer.add(image(1));
    await writer.finish();
    expect((await getDataset("d")).name).toBe("thorax");
  });
});

describe("openImageReader", () => {
  it("touches only the shards it needs, once, at 15,000 images", async () => {
    const count = 15_000;
    const perShard = imagesPerShard(64);
    expect(perShard).toBe(1024);
    await (await write(count, { ...NEW, size: 64 })).finish();
    const reader = await openImageReader("d");
    expect(reader.count).toBe(count);
    expect(await shardsRead(() => reader.read([5, 14_999, 1030, 6]))).toEqual([0, 14, 1]);
    expect(await shardsRead(() => reader.read([7, 1031]))).toEqual([]);
    const last = await reader.read([14_999]);
    expect(last[0]).toBe(14_999 % 251);
  });

  it("keeps no more shards than its cache holds", async () => {
    const size = 1024; // 4 images a shard of 4 MiB
    await (await write(12, { ...NEW, size })).finish();
    const reader = await openImageReader("d", 2 * 4 * 1024 * 1024);
    expect(await shardsRead(() => reader.read([0, 4]))).toEqual([0, 1]);
    expect(await shardsRead(() => reader.read([1]))).toEqual([]);
    // Shard 1 is the one not used for longest: it makes room for shard 2.
    expect(await shardsRead(() => reader.read([8]))).toEqual([2]);
    expect(await shardsRead(() => reader.read([0]))).toEqual([]);
    expect(await shardsRead(() => reader.read([4]))).toEqual([1]);
  });

  it("says so when the dataset is gone", async () => {
    await expect(openImageReader("d")).rejects.toMatchObject({ failure: { code: "data/missing" } });
    await (await write(2)).finish();
    const reader = await openImageReader("d");
    await deleteDataset("d");
    await expect(reader.read([0])).rejects.toMatchObject({ failure: { code: "data/missing" } });
  });
});

describe("datasets", () => {
  it("deletes one with all that is its own, and nothing of another", async () => {
    await (await write(3)).finish();
    await (await write(2, { ...NEW, id: "d2" })).finish();
    await deleteDataset("d");
    expect((await listDatasets()).map(({ id }) => id)).toEqual(["d2"]);
    const database = await openDatabase();
    expect(await database.getAllKeys("images")).toEqual([
      ["d2", 0],
      ["d2", 1],
    ]);
    expect(await database.getAllKeys("shards")).toEqual([["d2", 0]]);
    await deleteDataset("d");
  });

  it("renames, and says what is wrong with a name", async () => {
    await (await write(1)).finish();
    await renameDataset("d", "  heart ");
    expect((await getDataset("d")).name).toBe("heart");
    await expect(renameDataset("d", "  ")).rejects.toMatchObject({ failure: { code: "storage/name" } });
    await expect(renameDataset("x", "y")).rejects.toMatchObject({ failure: { code: "data/missing" } });
  });
});
