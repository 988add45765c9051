import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, describe, expect, it } from "vitest";
import type { FilmFrame, FilmImages } from "@/contracts/film";
import type { RunRecord } from "@/contracts/run";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import { createRunWithCheckpoint, saveSnapshot } from "./checkpoints";
import { type CheckpointRecord, closeDatabase, DATABASE_NAME, openDatabase } from "./database";
import { listFilmMoments, listFilms, readFilm } from "./films";
import { createRun, deleteRun, getRun } from "./runs";

const run = (id: string): RunRecord => ({
  id,
  name: id,
  config: DEFAULT_CONFIG,
  status: "stopped",
  createdAt: 1,
  updatedAt: 1,
  started: null,
  epochs: [],
  step: 0,
  checkpointStep: 0,
  result: null,
  perImage: null,
  failure: null,
  recoveries: [],
});
const checkpoint = (runId: string, step: number): CheckpointRecord => ({
  runId,
  step,
  epoch: 1,
  stepInEpoch: step,
  epochLossSum: 0,
  weights: new Map(),
  optimizer: { step, firstMoments: new Map(), secondMoments: new Map() },
  best: null,
  epochsWithoutImprovement: 0,
  trainSeconds: 1,
  validationSeconds: 2,
  engine: "reference",
});
const images: FilmImages = {
  count: 1,
  side: 2,
  sourceSide: 2,
  indices: [5],
  noisy: Uint8Array.of(1, 2, 3, 4),
  clean: Uint8Array.of(5, 6, 7, 8),
  noisyPsnrDb: [20],
  noisySsim: [0.5],
};
const frame = (step: number): FilmFrame => ({
  step,
  epoch: 1,
  validationLoss: step / 10,
  psnrDb: [step],
  ssim: [0.1],
  denoised: Uint8Array.of(step, 0, 0, 0),
});
const snapshot = (runId: string, step: number) => ({
  checkpoint: checkpoint(runId, step),
  run: { status: "running" as const },
  curve: null,
  preview: null,
  trace: null,
});
const stepsOf = async (runId: string) => (await listFilmMoments(runId)).map(({ step }) => step);

afterEach(async () => {
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("a film", () => {
  it("grows and is thinned with the checkpoints, or not at all", async () => {
    await createRunWithCheckpoint(run("a"), checkpoint("a", 0));
    expect(await readFilm("a")).toBeNull();
    await saveSnapshot({ ...snapshot("a", 2), film: { images, frames: [frame(2), frame(0)], dropped: [] } });
    await saveSnapshot({ ...snapshot("a", 12), film: { images: null, frames: [frame(12)], dropped: [2] } });
    await saveSnapshot({ ...snapshot("a", 13), film: null });
    expect(await readFilm("a")).toMatchObject({ images, frames: [frame(0), frame(12)] });
    // A function cannot be stored: neither the frame before it nor the dropping may remain.
    const broken = { ...frame(15), epoch: (() => 1) as unknown as number };
    await expect(
      saveSnapshot({
        ...snapshot("a", 15),
        film: { images: null, frames: [frame(14), broken], dropped: [0] },
      }),
    ).rejects.toThrow();
    expect(await stepsOf("a")).toEqual([0, 12]);
    expect(await listFilms()).toEqual(["a"]);
  });

  it("comes and goes with its run", async () => {
    for (const id of ["a", "b"]) await createRun(run(id), { film: { images, frames: [frame(0), frame(3)] } });
    await deleteRun("a");
    expect(await readFilm("a")).toBeNull();
    expect(await stepsOf("b")).toEqual([0, 3]);
    expect(await (await openDatabase()).count("filmFrames")).toBe(2);
  });
});

describe("a database of version 5", () => {
  it("keeps its runs, which have no film", async () => {
    const old = await openDB(DATABASE_NAME, 5, {
      upgrade: (database) => {
        database.createObjectStore("runs", { keyPath: "id" });
        for (const store of ["previews", "curves"])
          database.createObjectStore(store, { keyPath: ["runId", "n"] });
      },
    });
    await old.put("runs", run("a"));
    old.close();
    expect(await getRun("a")).toMatchObject({ name: "a" });
    expect(await readFilm("a")).toBeNull();
    expect(await listFilms()).toEqual([]);
  });
});
