import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunHandle, resumeRun, startRun } from "@/bridge/replica";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import type { TrainingEvent } from "@/contracts/training";
import { renderPhantom } from "@/imaging/phantom";
import { readSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME, openDatabase } from "@/storage/database";
import { modelsOfRun } from "@/storage/models";
import { getPreview } from "@/storage/previews";
import { getRun, getTrace, listRuns, readCurve } from "@/storage/runs";

const SIZE = 32;
const IMAGES = 24;
const CONFIG: RunConfig = {
  ...DEFAULT_CONFIG,
  data: { ...DEFAULT_CONFIG.data, source: "dataset:phantoms", size: SIZE },
  model: { name: "unet", width: 2, norm: "last" },
  training: { ...DEFAULT_CONFIG.training, batchSize: 4, epochs: 8 },
  engine: { ...DEFAULT_CONFIG.engine, name: "tfjs-wasm" },
  trace: 2,
};

async function storePhantoms(): Promise<void> {
  const database = await openDatabase();
  const pixels = new Uint8Array(IMAGES * SIZE * SIZE);
  for (let index = 0; index < IMAGES; index++) {
    pixels.set(renderPhantom(SIZE, 1, index), index * SIZE * SIZE);
    const contentHash = `hash${index}`;
    await database.put("images", { datasetId: "phantoms", index, contentHash, patientKey: `p${index}` });
  }
  await database.put("shards", { datasetId: "phantoms", shard: 0, count: IMAGES, pixels });
  await database.put("datasets", {
    id: "phantoms",
    name: "phantoms",
    kind: "phantom",
    size: SIZE,
    imageCount: IMAGES,
    patientCount: IMAGES,
    patientSource: "none",
    bytes: pixels.length,
    imagesPerShard: IMAGES,
    createdAt: 1,
    status: "ready",
    fingerprint: "f00d",
  });
}

beforeAll(storePhantoms);
afterAll(async () => {
  await closeDatabase();
  indexedDB.deleteDatabase(DATABASE_NAME);
});

/** Everything about a stored run that must be the same whatever befell it. */
async function numbersOf(runId: string) {
  const run = await getRun(runId);
  return {
    status: run.status,
    step: run.step,
    epochs: run.epochs.map(({ seconds: _s, validationSeconds: _v, ...numbers }) => numbers),
    best: run.result?.best,
    test: run.result?.test,
    perImage: run.perImage,
    losses: (await readCurve(runId)).losses,
    trace: { ...(await getTrace(runId)), runId: null },
    models: (await modelsOfRun(runId)).map(({ kind, bytes }) => [kind, readSafetensors(bytes).tensors]),
  };
}

const start = (runId: string, onEvent: (event: TrainingEvent) => void = () => undefined): RunHandle =>
  startRun({ runId, name: runId, config: CONFIG, initialWeights: null }, onEvent);

describe("the replica worker", () => {
  it("killed in the middle and resumed, it gives the bits of an undisturbed run", async () => {
    const events: TrainingEvent[] = [];
    expect(await start("whole", (event) => events.push(event)).done).toEqual({ ok: true, value: undefined });
    expect(events.at(-1)?.type).toBe("finished");
    const expected = await numbersOf("whole");
    expect(expected.status).toBe("done");
    expect(expected.losses.length).toBe(24);
    expect(expected.trace.losses?.length).toBe(2);
    expect(expected.trace.gradients?.size).toBeGreaterThan(0);
    const first = expected.epochs[0]?.validationLoss ?? 0;
    expect(expected.best?.validationLoss).toBeLessThan(first);

    // Two epochs and some steps: past two checkpoints, and between them and the next.
    const handle = start("cut", (event) => {
      if (event.type === "steps" && event.progress.step >= 8) handle.terminate();
    });
    expect(await handle.done).toMatchObject({ ok: false, failure: { code: "run/worker-crashed" } });
    // The browser gives the dead worker's lock back in its own time; until then the run still counts as running.
    const cut = async () => (await listRuns()).find((run) => run.id === "cut");
    await expect.poll(async () => (await cut())?.status).toBe("interrupted");
    expect((await cut())?.checkpointStep).toBeGreaterThanOrEqual(3);
    expect(await resumeRun({ id: "cut", config: CONFIG }, () => undefined).done).toEqual({
      ok: true,
      value: undefined,
    });
    expect(await numbersOf("cut")).toEqual(expected);
    expect((await getPreview("whole"))?.denoised.length).toBe(4 * SIZE * SIZE);
  });

  it("hears pause, continue and stop while it computes, and is alone with its run", async () => {
    const phases: string[] = [];
    const handle = startRun(
      {
        name: "long",
        config: { ...CONFIG, training: { ...CONFIG.training, epochs: 10_000 } },
        initialWeights: null,
      },
      (event) => {
        if (event.type === "phase") phases.push(event.phase);
      },
    );
    await expect.poll(() => phases, { timeout: 30_000 }).toContain("training");
    const second = await resumeRun({ id: handle.runId, config: CONFIG }, () => undefined).done;
    expect(second).toMatchObject({ ok: false, failure: { code: "run/busy" } });
    handle.pause();
    await expect.poll(() => phases.at(-1), { timeout: 30_000 }).toBe("paused");
    expect((await getRun(handle.runId)).status).toBe("paused");
    const { checkpointStep } = await getRun(handle.runId);
    handle.continue();
    await expect.poll(() => phases.at(-1)).not.toBe("paused");
    await expect
      .poll(async () => (await getRun(handle.runId)).step, { timeout: 30_000 })
      .toBeGreaterThan(checkpointStep);
    handle.stop();
    expect(await handle.done).toEqual({ ok: true, value: undefined });
    const run = await getRun(handle.runId);
    expect(run).toMatchObject({ status: "stopped", result: { complete: false } });
    expect(run.result?.test?.count).toBe(run.result?.dataset.test);
  });

  it("says why it cannot start", async () => {
    const events: TrainingEvent[] = [];
    const config = { ...CONFIG, data: { ...CONFIG.data, source: "dataset:gone" } };
    const outcome = await startRun({ name: "none", config, initialWeights: null }, (event) =>
      events.push(event),
    ).done;
    expect(outcome).toMatchObject({ ok: false, failure: { code: "data/missing" } });
    expect(events.at(-1)).toMatchObject({ type: "failed", failure: { code: "data/missing" } });
  });
});
