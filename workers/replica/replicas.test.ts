import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LabError } from "@/contracts/failure";
import type { Engine } from "@/engine/executor";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getRun, getTrace, readCurve } from "@/storage/runs";
import { configOf, hooked, type Replicas, replicasOf } from "./replicas.fixture";
import { resumeSession, startSession } from "./session";
import { CONFIG, engineWith, numbersOf, start, storeDataset, thread } from "./session.fixture";

beforeEach(() => storeDataset(24));
afterEach(async () => {
  for (const { averager } of all) averager.close();
  all = [];
  vi.unstubAllGlobals();
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

let all: Replicas[] = [];
function replicas(...args: Parameters<typeof replicasOf>): Replicas {
  const made = replicasOf(...args);
  all.push(made);
  return made;
}

/** A whole run with that setup. */
async function run(id: string, config = CONFIG, options: Parameters<typeof replicasOf>[1] = {}) {
  const mine = replicas(config, options);
  await startSession({ runId: id, name: id, config, initialWeights: null }, mine.context);
  await mine.followed;
  return mine;
}

describe.each(["ddp:2", "dp:2", "ddp:3"])("%s", (setup) => {
  // Neither leaves an image alone at this size.
  const training = { ...CONFIG.training, batchSize: setup === "ddp:3" ? 2 : 3 };

  it("trains to the end, the same bits each time and by either way of exchange", async () => {
    const config = configOf(setup, { training });
    await run("a", config);
    const expected = await numbersOf("a");
    const { result } = await getRun("a");
    const count = Number(setup.split(":")[1]);
    expect(result?.complete).toBe(true);
    expect(result?.replicas).toHaveLength(count);
    for (const replica of result?.replicas ?? [])
      expect(replica).toMatchObject({ adapter: "processor", shared: true, lost: null });
    const images = result?.replicas.reduce((sum, replica) => sum + replica.images, 0);
    expect(images).toBe(3 * 12);
    await run("b", config);
    expect(await numbersOf("b")).toEqual(expected);
    await run("c", config, { shared: false });
    expect(await numbersOf("c")).toEqual(expected);
  });

  it("goes on from a checkpoint to the same numbers", async () => {
    const config = configOf(setup, { training });
    await run("whole", config);
    await new Promise<void>((resolve, reject) => {
      const crashing = replicas(config, {
        engineOf: () =>
          hooked(async (step) => {
            if (step !== 4) return;
            resolve();
            await new Promise(() => undefined);
          }),
      });
      startSession({ runId: "cut", name: "cut", config, initialWeights: null }, crashing.context).then(
        () => reject(new Error("it did not crash")),
        reject,
      );
    });
    const mine = replicas(config);
    await resumeSession("cut", mine.context);
    await mine.followed;
    expect(await numbersOf("cut")).toEqual(await numbersOf("whole"));
  });
});

describe("with synchronised BatchNorm", () => {
  /** Mean losses of epochs, made with gradients that travel as float32. */
  const LOSS_RTOL = 1e-5;
  const engine = { ...CONFIG.engine, batchNorm: "synchronised" as const };

  it.each(["ddp:2", "dp:2", "ddp:3"])("%s trains as one replica with all images does", async (setup) => {
    const count = Number(setup.split(":")[1]);
    const training = { ...CONFIG.training, batchSize: 6 };
    await run("single", configOf("single", { training, engine }));
    await run("several", configOf(setup, { training: { ...training, batchSize: 6 / count }, engine }));
    const [single, several] = [await getRun("single"), await getRun("several")];
    expect(several.step).toBe(single.step);
    // Validation goes by running means, which lag behind biases that Adam moves by roundings (BatchNorm subtracts them again).
    single.epochs.forEach(({ trainLoss }, epoch) => {
      const actual = several.epochs[epoch]?.trainLoss ?? Number.NaN;
      expect(Math.abs(actual / trainLoss - 1), `epoch ${epoch + 1}`).toBeLessThan(LOSS_RTOL);
    });
  });

  it("goes on from a checkpoint to the same numbers, and has the same bits by either way of exchange", async () => {
    const config = configOf("ddp:2", { engine });
    await run("whole", config);
    const expected = await numbersOf("whole");
    await run("sent", config, { shared: false });
    expect(await numbersOf("sent")).toEqual(expected);
    await new Promise<void>((resolve, reject) => {
      const crashing = replicas(config, {
        engineOf: () =>
          hooked(async (step) => {
            if (step !== 4) return;
            resolve();
            await new Promise(() => undefined);
          }),
      });
      startSession({ runId: "cut", name: "cut", config, initialWeights: null }, crashing.context).then(
        () => reject(new Error("it did not crash")),
        reject,
      );
    });
    const mine = replicas(config);
    await resumeSession("cut", mine.context);
    await mine.followed;
    expect(await numbersOf("cut")).toEqual(expected);
  });

  it("is no different for one replica", async () => {
    await run("a", configOf("single"));
    await run("b", configOf("single", { engine }));
    expect(await numbersOf("b")).toEqual(await numbersOf("a"));
  });
});

it("records in a trace what each replica saw", async () => {
  await run("a", configOf("ddp:2"));
  const trace = await getTrace("a");
  expect(trace?.batches.map(({ images, replicas }) => [images, replicas])).toEqual([
    [6, [3, 3]],
    [6, [3, 3]],
  ]);
});

describe("a replica that is lost", () => {
  /** One step of 12 images an epoch, 4 each. */
  const three = configOf("ddp:3", { training: { ...CONFIG.training, batchSize: 4, epochs: 6 } });
  const lost = () => new LabError("engine/device-lost", "The graphics device was lost (test).", "Nothing.");

  it("leaves its images to the others: every step is made once, of the whole batch, and the run tells", async () => {
    const engineOf = (rank: number) =>
      hooked((step) => {
        if (rank === 2 && step === 2) throw lost();
      });
    const mine = await run("a", three, { engineOf });
    const record = await getRun("a");
    expect(record).toMatchObject({ status: "done", step: 6 });
    expect(record.recoveries).toMatchObject([
      { step: 1, checkpointStep: 1, replica: 2, reason: "The graphics device was lost (test)." },
    ]);
    expect(record.result?.recoveries).toEqual(record.recoveries);
    expect((await readCurve("a")).losses.length).toBe(6);
    const images = record.result?.replicas.map((replica) => replica.images) ?? [];
    expect(images.reduce((sum, count) => sum + count, 0)).toBe(72);
    expect(record.result?.replicas.map((replica) => replica.lost)).toEqual([
      null,
      null,
      "The graphics device was lost (test).",
    ]);
    expect(mine.events.filter(({ type }) => type === "recovered")).toHaveLength(1);
  });

  it("can be all but the first", async () => {
    const engineOf = (rank: number) =>
      hooked((step) => {
        if (rank > 0 && step === 1 + rank) throw lost();
      });
    await run("a", three, { engineOf });
    expect(await getRun("a")).toMatchObject({ status: "done", step: 6 });
    expect((await getRun("a")).recoveries.map(({ replica }) => replica)).toEqual([1, 2]);
  });

  it("with DataParallel too", async () => {
    const engineOf = (rank: number) => {
      let calls = 0;
      return hooked(() => {
        calls++;
        if (rank === 1 && calls === 3) throw lost();
      });
    };
    await run("a", configOf("dp:2"), { engineOf });
    const record = await getRun("a");
    expect(record).toMatchObject({ status: "done", step: 6, recoveries: [{ step: 2, replica: 1 }] });
    expect(record.result?.replicas.reduce((sum, { images }) => sum + images, 0)).toBe(36);
  });

  it("is the whole run's device when it is the first's: all go on from the checkpoint to the same numbers", async () => {
    const config = configOf("ddp:2");
    await run("whole", config);
    let failures = 1;
    const engineOf = (rank: number) =>
      hooked((step) => {
        if (rank === 0 && step === 4 && failures-- > 0) throw lost();
      });
    await run("a", config, { engineOf });
    expect(await numbersOf("a")).toEqual(await numbersOf("whole"));
    expect((await getRun("a")).recoveries).toMatchObject([{ step: 3 }]);
  });
});

it("a replica that cannot start fails the run, and nothing is stored", async () => {
  const engineOf = (rank: number): Engine =>
    rank === 0
      ? engineWith(() => undefined)
      : {
          ...engineWith(() => undefined),
          create: () => Promise.reject(new LabError("engine/out-of-memory", "It does not fit.", "Less.")),
        };
  await expect(run("a", configOf("ddp:2"), { engineOf })).rejects.toMatchObject({
    failure: { code: "engine/out-of-memory", message: "Replica 1 could not start: It does not fit." },
  });
  await expect(getRun("a")).rejects.toThrow("run/missing");
});

it("single is what it was: no replica, one entry in the result", async () => {
  const mine = thread();
  await start(mine, "a");
  expect((await getRun("a")).result?.replicas).toMatchObject([{ shared: false, exchangeMs: 0 }]);
  expect(mine.events.some(({ type }) => type === "replicas")).toBe(false);
});
