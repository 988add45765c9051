import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { resumeRun, startRun } from "@/bridge/replica";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import type { TrainingEvent } from "@/contracts/training";
import { renderPhantom } from "@/imaging/phantom";
import { closeDatabase, DATABASE_NAME, openDatabase } from "@/storage/database";
import { getRun, readCurve } from "@/storage/runs";

const SIZE = 32;
const IMAGES = 24;
type BatchNorm = NonNullable<RunConfig["engine"]["batchNorm"]>;
const configOf = (setup: string, epochs = 4, batchNorm: BatchNorm = "local"): RunConfig => ({
  ...DEFAULT_CONFIG,
  data: { ...DEFAULT_CONFIG.data, source: "dataset:phantoms", size: SIZE },
  model: { name: "unet", width: 2, norm: "last" },
  training: { ...DEFAULT_CONFIG.training, batchSize: 3, epochs },
  engine: { ...DEFAULT_CONFIG.engine, name: "tfjs-wasm", setup, batchNorm },
});

beforeAll(async () => {
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
});
afterAll(async () => {
  await closeDatabase();
  indexedDB.deleteDatabase(DATABASE_NAME);
});

/** Replica workers that were started and not ended, and channels to them that are open. */
let workers: Worker[] = [];
const PlainWorker = globalThis.Worker;
beforeEach(() => {
  class CountedWorker extends PlainWorker {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      workers.push(this);
    }
    override terminate(): void {
      workers = workers.filter((worker) => worker !== this);
      super.terminate();
    }
  }
  vi.stubGlobal("Worker", CountedWorker);
});
afterEach(() => vi.unstubAllGlobals());

async function whole(runId: string, config: RunConfig): Promise<readonly TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  const handle = startRun({ runId, name: runId, config, initialWeights: null }, (event) =>
    events.push(event),
  );
  expect(await handle.done).toEqual({ ok: true, value: undefined });
  expect(workers).toEqual([]);
  return events;
}

async function numbersOf(runId: string) {
  const run = await getRun(runId);
  return {
    status: run.status,
    step: run.step,
    epochs: run.epochs.map(({ seconds: _s, validationSeconds: _v, ...numbers }) => numbers),
    test: run.result?.test,
    losses: (await readCurve(runId)).losses,
  };
}

describe("several replicas in workers", () => {
  it.each([
    ["ddp:2", "local"],
    ["dp:2", "local"],
    ["ddp:2", "synchronised"],
  ] as const)(
    "%s with %s BatchNorm: shared memory and sent buffers give the same bits, and no worker is left",
    async (setup, batchNorm) => {
      const id = `${setup}-${batchNorm}`;
      expect(crossOriginIsolated).toBe(true);
      const events = await whole(`${id}-shared`, configOf(setup, 4, batchNorm));
      const told = events.filter((event) => event.type === "replicas").at(-1);
      expect(told?.replicas.map(({ shared, images }) => [shared, images])).toEqual([
        [true, 24],
        [true, 24],
      ]);
      vi.stubGlobal("crossOriginIsolated", false);
      await whole(`${id}-sent`, configOf(setup, 4, batchNorm));
      expect(await numbersOf(`${id}-sent`)).toEqual(await numbersOf(`${id}-shared`));
    },
  );

  it.each(["local", "synchronised"] as const)(
    "one whose worker dies without a word leaves its images to the other (%s BatchNorm)",
    async (batchNorm) => {
      const runId = `killed-${batchNorm}`;
      const events: TrainingEvent[] = [];
      let killed = false;
      const handle = startRun(
        { runId, name: runId, config: configOf("ddp:2", 60, batchNorm), initialWeights: null },
        (event) => {
          events.push(event);
          if (event.type !== "steps" || killed) return;
          killed = true;
          // The browser tells nobody of a worker that is ended: only its lock is free then.
          PlainWorker.prototype.terminate.call(workers[0]);
        },
      );
      expect(await handle.done).toEqual({ ok: true, value: undefined });
      expect(workers).toEqual([]);
      const run = await getRun(runId);
      expect(run).toMatchObject({ status: "done", step: 120 });
      expect(run.recoveries).toMatchObject([{ replica: 1, reason: "its worker ended" }]);
      expect((await readCurve(runId)).losses.length).toBe(120);
      const images = run.result?.replicas.map((replica) => replica.images) ?? [];
      expect(images.reduce((sum, count) => sum + count, 0)).toBe(60 * 12);
      expect(events.some(({ type }) => type === "recovered")).toBe(true);
    },
  );

  it("pauses, goes on after its thread was ended, and stops", async () => {
    const phases: string[] = [];
    const config = configOf("ddp:2", 3000);
    const begin = startRun({ runId: "long", name: "long", config, initialWeights: null }, (event) => {
      if (event.type === "phase") phases.push(event.phase);
    });
    await expect.poll(() => phases, { timeout: 60_000 }).toContain("training");
    begin.pause();
    await expect.poll(() => phases.at(-1), { timeout: 60_000 }).toBe("paused");
    begin.terminate();
    await begin.done;
    expect(workers).toEqual([]);
    const { checkpointStep } = await getRun("long");
    let step = 0;
    // The browser gives the dead worker's lock back in its own time.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const again = resumeRun({ id: "long", config }, (event) => {
      if (event.type === "steps") step = event.progress.step;
    });
    await expect.poll(() => step, { timeout: 60_000 }).toBeGreaterThan(checkpointStep);
    again.stop();
    expect(await again.done).toEqual({ ok: true, value: undefined });
    expect(workers).toEqual([]);
    expect(await getRun("long")).toMatchObject({ status: "stopped", result: { complete: false } });
  });
});
