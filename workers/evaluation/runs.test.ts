import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { referenceEngine } from "@/engine/reference/engine";
import { exampleRun } from "@/evaluation/exampleRun.fixture";
import { lazyFiles } from "@/evaluation/runZip";
import { closeDatabase, DATABASE_NAME, openDatabase } from "@/storage/database";
import { readFilm } from "@/storage/films";
import { listModels } from "@/storage/models";
import { createRun, deleteRun, getRun, listRuns, readCurve } from "@/storage/runs";
import { Denoiser } from "./denoiser";
import { exportStoredRun, importStoredRun } from "./runs";
import { dataset, SIZE, storeDataset, storeExample } from "./storedExample.fixture";

const denoiser = new Denoiser(() => Promise.resolve(referenceEngine));

const exported = async (id = "run-1"): Promise<File> =>
  new File([await exportStoredRun(id, new Map(), denoiser)], "export.zip");

beforeEach(storeDataset);
afterEach(async () => {
  await denoiser.forget("run-1-best");
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("exportStoredRun", () => {
  it("writes the test images that were asked for, in the order of per-image.csv", async () => {
    await storeExample(2);
    const files = new Map((await lazyFiles([await exported()])).map((file) => [file.path, file]));
    expect([...files.keys()].filter((path) => path.startsWith("arrays/"))).toEqual(
      ["000", "001"].flatMap((number) =>
        ["clean", "noisy", "denoised"].map((kind) => `arrays/${number}_${kind}.npy`),
      ),
    );
    const values = async (path: string): Promise<Float32Array> => {
      const bytes = (await files.get(path)?.bytes()) ?? new Uint8Array();
      return new Float32Array(bytes.slice(-4 * SIZE * SIZE).buffer);
    };
    // The first test image is number 3, the last of the first shard; the second is number 9.
    const first = await values("arrays/000_clean.npy");
    expect(first[0]).toBe(Math.fround(((3 * 256 * 7) % 256) / 255));
    const second = await values("arrays/001_clean.npy");
    expect(second[1]).toBe(Math.fround(((256 * 7 + 7 + 100) % 256) / 255));
    expect(await values("arrays/000_denoised.npy")).not.toEqual(await values("arrays/000_noisy.npy"));
  });

  it("finds the same images under another id, but not at another size", async () => {
    await storeExample(1);
    const database = await openDatabase();
    const hasImages = async (): Promise<boolean> =>
      (await lazyFiles([await exported()])).some(({ path }) => path.startsWith("images/"));
    const rename = database.transaction(["datasets", "images", "shards"], "readwrite");
    await rename.objectStore("datasets").delete("d-1");
    await rename.objectStore("datasets").put({ ...dataset, id: "d-2" });
    for (const name of ["images", "shards"] as const)
      for (const record of await rename.objectStore(name).getAll())
        await rename.objectStore(name).put({ ...record, datasetId: "d-2" } as never);
    await rename.done;
    expect(await hasImages()).toBe(true);
    await database.put("datasets", { ...dataset, id: "d-2", size: 32 });
    expect(await hasImages()).toBe(false);
  });

  it("says so when the images are gone", async () => {
    await storeExample(2);
    await (await openDatabase()).delete("datasets", dataset.id);
    const files = await lazyFiles([await exported()]);
    expect(files.some(({ path }) => path.startsWith("images/"))).toBe(false);
    const report = files.find(({ path }) => path === "report.md");
    expect(new TextDecoder().decode(await report?.bytes())).toContain("no longer stored");
  });

  it("leaves the film out when asked to, and says that it is there otherwise", async () => {
    await storeExample(0);
    const textOf = async (files: Awaited<ReturnType<typeof lazyFiles>>) =>
      new TextDecoder().decode(await files.find(({ path }) => path === "report.md")?.bytes());
    const withFilm = await lazyFiles([await exported()]);
    expect(withFilm.filter(({ path }) => path.startsWith("film/"))).toHaveLength(7);
    expect(await textOf(withFilm)).toContain("film/ shows 2 validation images");
    const bare = new File([await exportStoredRun("run-1", new Map(), denoiser, false)], "export.zip");
    const without = await lazyFiles([bare]);
    expect(without.some(({ path }) => path.startsWith("film/"))).toBe(false);
    expect(await textOf(without)).not.toContain("film/");
    expect(await readFilm("run-1")).not.toBeNull();
  });

  it("exports a run that has not come to its end, and refuses one that is not there", async () => {
    const { run } = exampleRun();
    await createRun({ ...run, id: "cut", status: "interrupted", result: null, perImage: null });
    const files = await lazyFiles([await exported("cut")]);
    const result = files.find(({ path }) => path === "result.json");
    expect(JSON.parse(new TextDecoder().decode(await result?.bytes()))).toMatchObject({
      complete: false,
      test: null,
      dataset: { images: 10, patients: 6, train: 4 },
      best: { epoch: 2 },
    });
    await expect(exported("nothing")).rejects.toMatchObject({ failure: { code: "run/missing" } });
  });
});

describe("importStoredRun", () => {
  it("gives back what was exported: record, curve, film and models", async () => {
    await storeExample(0);
    const before = {
      run: await getRun("run-1"),
      curve: await readCurve("run-1"),
      film: await readFilm("run-1"),
      models: await listModels(),
    };
    expect(before.film?.frames.length).toBe(4);
    const zip = await exported();
    await deleteRun("run-1");
    expect(await importStoredRun([zip])).toBe("run-1");
    expect(await getRun("run-1")).toEqual(before.run);
    expect(await readCurve("run-1")).toEqual(before.curve);
    expect(await readFilm("run-1")).toEqual(before.film);
    const byteFree = (models: typeof before.models) => models.map(({ byteLength: _, ...model }) => model);
    expect(byteFree(await listModels())).toEqual(byteFree(before.models));
  });

  it("takes another id when the run is here already", async () => {
    await storeExample(0);
    const id = await importStoredRun([await exported()]);
    expect(id).not.toBe("run-1");
    expect(await getRun(id)).toMatchObject({ name: "Example, first (imported)", started: { runId: id } });
    expect((await listRuns()).map((run) => run.id).sort()).toEqual([id, "run-1"].sort());
    expect((await listModels()).filter(({ runId }) => runId === id)).toHaveLength(2);
  });

  it("leaves no trace of an import that fails", async () => {
    await storeExample(0);
    const zip = await exported();
    await deleteRun("run-1");
    const files = await Promise.all(
      (await lazyFiles([zip])).map(async ({ path, bytes }) => {
        const whole = await bytes();
        const broken = path === "last.safetensors" ? whole.slice(0, -4) : whole;
        const file = new File([broken], path);
        Object.defineProperty(file, "webkitRelativePath", { value: `results/${path}` });
        return file;
      }),
    );
    await expect(importStoredRun(files)).rejects.toMatchObject({ failure: { code: "weights/truncated" } });
    await expect(importStoredRun([new File(["PK"], "broken.zip")])).rejects.toMatchObject({
      failure: { code: "run/corrupt" },
    });
    const database = await openDatabase();
    for (const store of ["runs", "curves", "models", "traces", "films", "filmFrames"] as const)
      expect(await database.count(store)).toBe(0);
  });
});
