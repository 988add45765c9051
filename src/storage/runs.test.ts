import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { RunRecord } from "@/contracts/run";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import type { StepChunk } from "@/contracts/training";
import { createRunWithCheckpoint, finishRun, getCheckpoint, saveSnapshot } from "./checkpoints";
import { STEPS_PER_CHUNK } from "./curves";
import {
  type CheckpointRecord,
  closeDatabase,
  DATABASE_NAME,
  openDatabase,
  type PreviewRecord,
} from "./database";
import { getPreview } from "./previews";
import { createRun, deleteRun, getRun, getTrace, listRuns, readCurve, renameRun, updateRun } from "./runs";

const run = (id: string, createdAt = 1): RunRecord => ({
  id,
  name: `run ${id}`,
  config: DEFAULT_CONFIG,
  status: "running",
  createdAt,
  updatedAt: createdAt,
  started: null,
  epochs: [],
  step: 0,
  checkpointStep: 0,
  result: null,
  perImage: null,
  failure: null,
  recoveries: [],
});

const weights = () => new Map([["w", { shape: [2], data: Float32Array.of(1, 2) }]]);

const checkpoint = (runId: string, step: number): CheckpointRecord => ({
  runId,
  step,
  epoch: 1,
  stepInEpoch: step,
  epochLossSum: step / 3,
  weights: weights(),
  optimizer: { step, firstMoments: weights(), secondMoments: weights() },
  best: null,
  epochsWithoutImprovement: 0,
  trainSeconds: 1,
  validationSeconds: 2,
  engine: "reference",
});

const preview = (runId: string, epoch: number): PreviewRecord => ({
  runId,
  step: epoch,
  epoch,
  count: 1,
  size: 1,
  noisy: Uint8Array.of(1),
  denoised: Uint8Array.of(2),
  clean: Uint8Array.of(3),
  psnrDb: [1],
  noisyPsnrDb: [0],
});

/** Steps `first … last` whose loss is `step + offset`. */
const steps = (first: number, last: number, offset = 0): StepChunk => ({
  firstStep: first,
  losses: Float32Array.from({ length: last - first + 1 }, (_, i) => first + i + offset),
  stepMs: Float32Array.from({ length: last - first + 1 }, (_, i) => 2 * (first + i)),
});

const snapshot = (runId: string, step: number, curve: StepChunk | null) => ({
  checkpoint: checkpoint(runId, step),
  run: { status: "running" as const },
  curve,
  preview: null,
  film: null,
  trace: null,
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("a database of version 2", () => {
  it("keeps its runs, which survived no lost device", async () => {
    const old = await openDB(DATABASE_NAME, 2, {
      upgrade: (database) => {
        database.createObjectStore("runs", { keyPath: "id" });
      },
    });
    const { recoveries: _, ...before } = run("a");
    await old.put("runs", before);
    await old.put("runs", { ...before, id: "b", result: { complete: true } });
    old.close();
    expect(await getRun("a")).toMatchObject({ name: "run a", result: null, recoveries: [] });
    expect(await getRun("b")).toMatchObject({
      result: { complete: true, recoveries: [] },
      recoveries: [],
    });
  });
});

describe("the curve", () => {
  it("is appended over chunk borders and read back whole", async () => {
    await createRunWithCheckpoint(run("a"), checkpoint("a", 0));
    const last = 2 * STEPS_PER_CHUNK + 7;
    for (const [from, to] of [
      [1, 3],
      [4, STEPS_PER_CHUNK],
      [STEPS_PER_CHUNK + 1, last - 5],
      [last - 4, last],
    ] as const)
      await saveSnapshot(snapshot("a", to, steps(from, to)));
    const curve = await readCurve("a");
    expect([...curve.losses]).toEqual([...steps(1, last).losses]);
    expect([...curve.stepMs]).toEqual([...steps(1, last).stepMs]);
    expect(await (await openDatabase()).count("curves")).toBe(3);
  });

  it("is overwritten from the step where a run continues", async () => {
    await createRunWithCheckpoint(run("a"), checkpoint("a", 0));
    await saveSnapshot(snapshot("a", 2500, steps(1, 2500)));
    await saveSnapshot(snapshot("a", 1203, steps(1201, 1203, 0.5)));
    const { losses } = await readCurve("a");
    expect(losses.length).toBe(1203);
    expect([...losses.slice(1198)]).toEqual([1199, 1200, 1201.5, 1202.5, 1203.5]);
  });
});

describe("saveSnapshot", () => {
  it("keeps the last preview only, in place of those that earlier labs kept", async () => {
    await createRunWithCheckpoint(run("a"), checkpoint("a", 0));
    const database = await openDatabase();
    for (const epoch of [0, 1, 2]) await database.put("previews", preview("a", epoch));
    await database.put("previews", preview("b", 1));
    expect((await getPreview("a"))?.epoch).toBe(2);
    await saveSnapshot({ ...snapshot("a", 4, steps(1, 4)), preview: preview("a", 3) });
    expect((await getPreview("a"))?.epoch).toBe(3);
    expect(await database.count("previews")).toBe(2);
    await saveSnapshot(snapshot("a", 5, steps(5, 5)));
    expect((await getPreview("a"))?.epoch).toBe(3);
  });

  it("writes everything, or nothing", async () => {
    await createRunWithCheckpoint(run("a"), checkpoint("a", 0));
    await saveSnapshot({ ...snapshot("a", 4, steps(1, 4)), preview: preview("a", 1) });
    // A function cannot be stored: the last write of the transaction fails.
    const broken = { ...preview("a", 2), count: (() => 1) as unknown as number };
    await expect(
      saveSnapshot({ ...snapshot("a", 9, steps(5, 9)), run: { status: "paused" }, preview: broken }),
    ).rejects.toThrow();
    expect(await getCheckpoint("a")).toEqual(checkpoint("a", 4));
    expect((await readCurve("a")).losses.length).toBe(4);
    expect(await (await openDatabase()).get("runs", "a")).toMatchObject({
      status: "running",
      step: 4,
      checkpointStep: 4,
    });
  });

  it("leaves nothing behind of a run that was deleted", async () => {
    await expect(saveSnapshot(snapshot("gone", 1, steps(1, 1)))).rejects.toMatchObject({
      failure: { code: "run/missing" },
    });
    expect(await getCheckpoint("gone")).toBeNull();
    expect((await readCurve("gone")).losses.length).toBe(0);
  });

  it("keeps a name given meanwhile", async () => {
    await createRunWithCheckpoint(run("a"), checkpoint("a", 0));
    await renameRun("a", "  chest ");
    await saveSnapshot(snapshot("a", 1, steps(1, 1)));
    expect((await getRun("a")).name).toBe("chest");
  });
});

describe("runs", () => {
  it("are listed newest first; one that nobody works on is interrupted", async () => {
    const query = async () => ({ held: [{ name: "run:b" }], pending: [] });
    vi.stubGlobal("navigator", { locks: { query } });
    await createRun(run("a", 1));
    await createRun(run("b", 2));
    await createRun({ ...run("c", 3), status: "done" });
    expect((await listRuns()).map(({ id, status }) => [id, status])).toEqual([
      ["c", "done"],
      ["b", "running"],
      ["a", "interrupted"],
    ]);
    await expect(deleteRun("b")).rejects.toMatchObject({ failure: { code: "run/busy" } });
  });

  it("are deleted with all that is theirs and nothing else", async () => {
    const database = await openDatabase();
    for (const id of ["a", "b"]) {
      const trace = {
        runId: id,
        initial: weights(),
        final: null,
        gradients: weights(),
        losses: [],
        batches: [],
      };
      await createRun(run(id), { curve: steps(1, 3), preview: preview(id, 2), trace });
      await saveSnapshot(snapshot(id, 3, null));
      await database.put("models", {
        id: `${id}-best`,
        name: "m",
        runId: id,
        kind: "best",
        model: DEFAULT_CONFIG.model,
        noise: null,
        createdAt: 1,
        bytes: new Uint8Array(1),
      });
    }
    await deleteRun("a");
    await deleteRun("a");
    for (const store of ["runs", "curves", "checkpoints", "traces", "models"] as const)
      expect(await database.count(store)).toBe(1);
    expect(await getPreview("a")).toBeNull();
    expect((await getPreview("b"))?.epoch).toBe(2);
    expect((await getTrace("b"))?.runId).toBe("b");
  });

  it("refuse what cannot be", async () => {
    await createRun(run("a"));
    await expect(createRun(run("a"))).rejects.toMatchObject({ failure: { code: "run/exists" } });
    await expect(renameRun("a", "  ")).rejects.toMatchObject({ failure: { code: "storage/name" } });
    await expect(updateRun("x", { step: 1 })).rejects.toMatchObject({ failure: { code: "run/missing" } });
    await expect(getRun("x")).rejects.toMatchObject({ failure: { code: "run/missing" } });
  });

  it("drop their checkpoint when they finish", async () => {
    await createRunWithCheckpoint(run("a"), checkpoint("a", 0));
    await finishRun("a", { status: "done" });
    expect(await getCheckpoint("a")).toBeNull();
    expect((await getRun("a")).status).toBe("done");
  });
});
