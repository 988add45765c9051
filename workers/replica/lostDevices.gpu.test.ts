import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startRun } from "@/bridge/replica";
import type { RunConfig } from "@/contracts/runConfig";
import { webgpuEngine } from "@/engine/webgpu/engine";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getRun, readCurve } from "@/storage/runs";
import losable from "./losableReplica.fixture.worker?worker&url";
import { CONFIG, storeDataset } from "./session.fixture";

const missing = await webgpuEngine.unavailable();
if (missing) console.warn(`lost devices of several replicas: skipped. ${missing}`);

const IMAGES = 24;
const EPOCHS = 12;
/** Two steps an epoch: half of the images are for training. */
const STEPS = 2 * EPOCHS;

const configOf = (batchNorm: "local" | "synchronised"): RunConfig => ({
  ...CONFIG,
  training: { ...CONFIG.training, batchSize: 3, epochs: EPOCHS },
  engine: { ...CONFIG.engine, name: "webgpu", setup: "ddp:2", batchNorm },
});

beforeAll(() => storeDataset(IMAGES));
afterAll(async () => {
  await closeDatabase();
  indexedDB.deleteDatabase(DATABASE_NAME);
});

/** Workers in the order of starting: the bridge starts the followers first. */
let started = 0;
beforeEach(() => {
  started = 0;
  const PlainWorker = globalThis.Worker;
  class LosableWorker extends PlainWorker {
    constructor(_: URL | string, options?: WorkerOptions) {
      super(`${losable}#${started++}`, { ...options, type: "module" });
    }
  }
  vi.stubGlobal("Worker", LosableWorker);
});
afterEach(() => vi.unstubAllGlobals());

/** A run whose worker at `place` loses its device after a few steps. */
async function losing(runId: string, config: RunConfig, place: number): Promise<void> {
  const channel = new BroadcastChannel("lose-device");
  let isLost = false;
  const handle = startRun({ runId, name: runId, config, initialWeights: null }, (event) => {
    if (event.type !== "steps" || isLost) return;
    isLost = true;
    channel.postMessage(place);
  });
  expect(await handle.done).toEqual({ ok: true, value: undefined });
  channel.close();
  expect(isLost).toBe(true);
  expect(await getRun(runId)).toMatchObject({ status: "done", step: STEPS });
  expect((await readCurve(runId)).losses.length).toBe(STEPS);
}

describe.skipIf(missing !== null)("a device of two replicas on the engine webgpu that is destroyed", () => {
  it.each(["local", "synchronised"] as const)(
    "is its own loss where it is a follower's: the other makes every step (%s BatchNorm)",
    async (batchNorm) => {
      const id = `follower-${batchNorm}`;
      await losing(id, configOf(batchNorm), 0);
      const run = await getRun(id);
      expect(run.recoveries).toMatchObject([{ replica: 1 }]);
      const images = run.result?.replicas.map((replica) => replica.images) ?? [];
      expect(images.reduce((sum, count) => sum + count, 0)).toBe(6 * STEPS);
      expect(run.result?.replicas.map(({ lost }) => lost === null)).toEqual([true, false]);
    },
  );

  it("takes all back to the last checkpoint where it is the leader's", async () => {
    await losing("leader", configOf("synchronised"), 1);
    const run = await getRun("leader");
    expect(run.recoveries).toHaveLength(1);
    expect(run.recoveries[0]?.replica).toBeUndefined();
    expect(run.result?.replicas.map(({ lost }) => lost)).toEqual([null, null]);
  });
});
