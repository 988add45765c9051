import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import type { RunConfig } from "@/contracts/runConfig";
import type { AdapterInfo, TrainingEvent } from "@/contracts/training";
import type { Engine, Executor } from "@/engine/executor";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getRun } from "@/storage/runs";
import { resumeSession } from "./session";
import { CONFIG, engineWith, numbersOf, start, storeDataset, thread } from "./session.fixture";

/** Four steps an epoch, so that checkpoints can fall between them. */
const PAIRS: RunConfig = { ...CONFIG, training: { ...CONFIG.training, batchSize: 2 }, trace: 5 };
/** Two minutes pass every few steps. */
const SLOW_TICK_MS = 8000;

type Method =
  | "trainStep"
  | "infer"
  | "readWeights"
  | "writeWeights"
  | "readGradients"
  | "readOptimizer"
  | "writeOptimizer";

interface Call {
  readonly method: Method;
  /** Of all calls to all executors, from 1. */
  readonly number: number;
  /** Of the calls to this method, from 1. */
  readonly ofMethod: number;
  /** Executors made so far. */
  readonly executors: number;
}

const gone = (): LabError =>
  new LabError("engine/device-lost", "The graphics device was lost (test).", "Continue the run.");
const adapter = (description: string): AdapterInfo => ({
  vendor: "test",
  architecture: "",
  device: "",
  description,
  isFallbackAdapter: false,
});

interface Fragile {
  readonly engine: Engine;
  readonly calls: readonly Call[];
  /** Executors that were made and not disposed of. */
  readonly open: ReadonlySet<Executor>;
}

/**
 * An engine whose device is lost in the calls that `isLost` picks: that executor answers no more, the next one does.
 * `refuse` may throw in place of an executor, told how many were asked for; `adapterOf` names the adapter of each.
 */
function fragile(
  isLost: (call: Call) => boolean,
  refuse: (asked: number) => void = () => undefined,
  adapterOf: (executor: number) => string = () => "one",
): Fragile {
  const calls: Call[] = [];
  const open = new Set<Executor>();
  let asked = 0;
  let executors = 0;
  const base = engineWith(() => undefined);
  const create: Engine["create"] = async (options) => {
    refuse(++asked);
    const whole = await base.create(options);
    const mine = ++executors;
    let lost = false;
    const guarded =
      <Args extends unknown[], T>(method: Method, work: (...args: Args) => Promise<T>) =>
      async (...args: Args): Promise<T> => {
        const ofMethod = calls.filter((call) => call.method === method).length + 1;
        const call = { method, number: calls.length + 1, ofMethod, executors };
        calls.push(call);
        lost ||= isLost(call);
        if (lost) throw gone();
        return work(...args);
      };
    const executor: Executor = {
      info: { ...whole.info, adapter: adapter(adapterOf(mine)) },
      trainStep: guarded("trainStep", whole.trainStep.bind(whole)),
      infer: guarded("infer", whole.infer.bind(whole)),
      readWeights: guarded("readWeights", whole.readWeights.bind(whole)),
      writeWeights: guarded("writeWeights", whole.writeWeights.bind(whole)),
      readOptimizer: guarded("readOptimizer", whole.readOptimizer.bind(whole)),
      writeOptimizer: guarded("writeOptimizer", whole.writeOptimizer.bind(whole)),
      readGradients: guarded("readGradients", whole.readGradients.bind(whole)),
      writeGradients: whole.writeGradients.bind(whole),
      computeGradients: whole.computeGradients.bind(whole),
      applyGradients: whole.applyGradients.bind(whole),
      memory: () => ({ bytes: 0, peakBytes: 1000 / mine }),
      dispose: async () => {
        open.delete(executor);
        await whole.dispose();
      },
    };
    open.add(executor);
    return executor;
  };
  return { engine: { ...base, create }, calls, open };
}

/** The losses that a listener ends with which takes every event at its word. */
function lossesTold(events: readonly TrainingEvent[]): number[] {
  const losses: number[] = [];
  for (const event of events) {
    if (event.type === "recovered") losses.length = event.recovery.checkpointStep;
    if (event.type !== "steps") continue;
    expect(event.steps.firstStep).toBe(losses.length + 1);
    losses.push(...event.steps.losses);
  }
  return losses;
}

beforeEach(() => storeDataset());
afterEach(async () => {
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

async function undisturbed(config: RunConfig, id = "whole") {
  const { engine, calls } = fragile(() => false);
  await start(thread(engine, SLOW_TICK_MS), id, config);
  const expected = await numbersOf(id);
  expect(expected.status).toBe("done");
  return { expected, calls };
}

/** The failure that a run ends with. */
async function failureOf(work: Promise<void>) {
  const error: unknown = await work.catch((thrown: unknown) => thrown);
  if (!(error instanceof LabError)) throw new Error(`no failure: ${String(error)}`);
  return error.failure;
}

const inStep = (ofMethod: number) => (call: Call) =>
  call.method === "trainStep" && call.ofMethod === ofMethod;

describe("a run whose device is lost", () => {
  it("in any call, once, ends with the numbers of an undisturbed one", async () => {
    const { expected, calls } = await undisturbed(PAIRS);
    expect(expected.losses.length).toBe(12);
    expect(expected.trace.losses?.length).toBe(5);
    expect(new Set(calls.map(({ method }) => method)).size).toBe(6);
    const places = new Set<number>();
    for (const { number } of calls) {
      const { engine, open } = fragile((call) => call.number === number);
      const mine = thread(engine, SLOW_TICK_MS);
      const id = `lost-${number}`;
      await start(mine, id, PAIRS);
      expect(await numbersOf(id)).toEqual(expected);
      expect(open.size).toBe(0);
      expect(lossesTold(mine.events)).toEqual([...expected.losses]);
      const { recoveries, result } = await getRun(id);
      expect(recoveries).toMatchObject([{ reason: "The graphics device was lost (test)." }]);
      expect(result?.recoveries).toEqual(recoveries);
      // The first executor's, which trained.
      expect(result?.memory.deviceBytesPeak).toBe(1000);
      for (const { step, checkpointStep } of recoveries) {
        expect(checkpointStep).toBeLessThanOrEqual(step);
        places.add(checkpointStep);
      }
    }
    // From the first weights, from within an epoch, and from its end.
    expect(places).toContain(0);
    expect([...places].some((step) => step % 4 > 0)).toBe(true);
    expect(places).toContain(12);
  });

  it("again before it has answered, and later again, does so too", async () => {
    const { expected } = await undisturbed(PAIRS);
    // Restoring Adam's state is the first thing after a recovery: lost twice in a row there.
    const lost = (call: Call) =>
      inStep(6)(call) || (call.method === "writeOptimizer" && call.ofMethod < 3) || inStep(12)(call);
    const mine = thread(fragile(lost).engine);
    await start(mine, "often", PAIRS);
    expect(await numbersOf("often")).toEqual(expected);
    expect(lossesTold(mine.events)).toEqual([...expected.losses]);
    const { recoveries } = await getRun("often");
    expect(recoveries.map(({ step, checkpointStep }) => [step, checkpointStep])).toEqual([
      [5, 4],
      [4, 4],
      [4, 4],
      [9, 8],
    ]);
  });

  it("while it was paused goes on when it is continued", async () => {
    const { expected } = await undisturbed(PAIRS);
    const sound = fragile(inStep(6));
    const mine = thread({
      ...sound.engine,
      create: async (options) => {
        const executor = await sound.engine.create(options);
        const { trainStep } = executor;
        executor.trainStep = (batch, rate) => {
          if (sound.calls.filter(({ method }) => method === "trainStep").length === 4) mine.control.pause();
          return trainStep(batch, rate);
        };
        return executor;
      },
    });
    const running = start(mine, "a", PAIRS);
    const isPaused = () => mine.events.some((event) => event.type === "phase" && event.phase === "paused");
    while (!isPaused()) await new Promise((resolve) => setTimeout(resolve));
    mine.control.continue();
    await running;
    expect((await getRun("a")).recoveries).toMatchObject([{ step: 5, checkpointStep: 5 }]);
    expect(await numbersOf("a")).toEqual(expected);
  });

  it("in the test after a stop is tested all the same, and can go on", async () => {
    const { expected } = await undisturbed(PAIRS);
    let stopping = false;
    const mine = thread(
      fragile((call) => {
        if (inStep(6)(call)) mine.control.stop();
        stopping ||= mine.control.stopWanted;
        return stopping && call.method === "writeWeights" && call.ofMethod === 1;
      }).engine,
    );
    await start(mine, "a", PAIRS);
    const run = await getRun("a");
    expect(run).toMatchObject({ status: "stopped", step: 6, checkpointStep: 6 });
    expect(run.recoveries).toMatchObject([{ step: 6, checkpointStep: 6 }]);
    expect(run.result?.test?.count).toBeGreaterThan(0);
    await resumeSession("a", thread().context);
    expect(await numbersOf("a")).toEqual(expected);
    expect((await getRun("a")).result?.recoveries).toEqual(run.recoveries);
  });

  it("tells where, and from where it goes on", async () => {
    const mine = thread(fragile(inStep(6)).engine);
    await start(mine, "a", PAIRS);
    const notes = mine.events.flatMap((event) =>
      event.type === "phase" && event.phase === "recovering" ? [event.note] : [],
    );
    expect(notes).toEqual(["device lost after step 5, going on from the checkpoint of step 4"]);
  });
});

describe("a device that is lost at the same place again and again", () => {
  it("fails the run, which can be resumed", async () => {
    const { expected } = await undisturbed(PAIRS);
    const { engine, open } = fragile((call) => call.method === "trainStep" && call.ofMethod > 5);
    const failure = await failureOf(start(thread(engine), "a", PAIRS));
    expect(failure.code).toBe("engine/device-lost");
    expect(failure.message).toMatch(/lost 4 times in a row .* \(test\)\.$/);
    expect(failure.remedy).toMatch(/The checkpoint of step 4 is kept: resume from there\.$/);
    expect(open.size).toBe(0);
    const run = await getRun("a");
    expect(run).toMatchObject({ status: "failed", failure, checkpointStep: 4, result: { complete: false } });
    expect(run.result?.recoveries).toHaveLength(3);
    await resumeSession("a", thread().context);
    expect(await numbersOf("a")).toEqual(expected);
    expect((await getRun("a")).recoveries).toEqual(run.recoveries);
  });

  it("goes on as long as checkpoints are written in between", async () => {
    const { expected } = await undisturbed(PAIRS);
    // Each device lives for three calls of a step: one epoch takes two.
    let steps = 0;
    let executors = 0;
    const { engine } = fragile((call) => {
      if (call.executors > executors) steps = 0;
      executors = call.executors;
      if (call.method === "trainStep") steps++;
      return steps > 3;
    });
    await start(thread(engine, SLOW_TICK_MS), "a", PAIRS);
    expect((await getRun("a")).recoveries.length).toBeGreaterThan(3);
    expect(await numbersOf("a")).toEqual(expected);
  });
});

describe("a device that does not come back", () => {
  const unavailable = () => {
    throw new LabError("engine/unavailable", "No graphics adapter.", "Choose another engine.");
  };

  it("is waited for, ever longer", async () => {
    const { expected } = await undisturbed(PAIRS);
    const { engine } = fragile(inStep(6), (asked) => {
      if (asked > 1 && asked < 6) unavailable();
    });
    const mine = thread(engine);
    await start(mine, "a", PAIRS);
    expect(mine.waits).toEqual([0, 500, 1000, 2000, 4000]);
    expect(await numbersOf("a")).toEqual(expected);
    expect((await getRun("a")).recoveries).toHaveLength(1);
  });

  it("is asked once before it is trusted: a browser may give out one that is lost already", async () => {
    const { expected } = await undisturbed(PAIRS);
    const { engine, open } = fragile(
      (call) => inStep(6)(call) || (call.method === "readWeights" && call.executors === 2),
    );
    const mine = thread(engine);
    await start(mine, "a", PAIRS);
    expect(mine.waits).toEqual([0, 500]);
    expect((await getRun("a")).recoveries).toHaveLength(1);
    expect(open.size).toBe(0);
    expect(await numbersOf("a")).toEqual(expected);
  });

  it("fails the run after two minutes, with the remedy", async () => {
    const { engine, open } = fragile(inStep(6), (asked) => {
      if (asked > 1) unavailable();
    });
    const mine = thread(engine);
    const failure = await failureOf(start(mine, "a", PAIRS));
    expect(failure.code).toBe("engine/device-lost");
    expect(failure.message).toMatch(/no new one could be had\. No graphics adapter\.$/);
    expect(failure.remedy).toMatch(/The checkpoint of step 4 is kept: resume from there\.$/);
    // Chromium refuses adapters for two minutes after a second crash of its GPU process.
    expect(mine.waits.reduce((sum, ms) => sum + ms)).toBeGreaterThan(120_000);
    expect(open.size).toBe(0);
    expect(await getRun("a")).toMatchObject({ status: "failed", failure, recoveries: [] });
  });

  it("is not waited for after a stop", async () => {
    const mine = thread(
      fragile(inStep(6), (asked) => {
        if (asked === 3) mine.control.stop();
        if (asked > 1) unavailable();
      }).engine,
    );
    expect((await failureOf(start(mine, "a", PAIRS))).code).toBe("engine/device-lost");
    expect(mine.waits).toEqual([0, 500]);
  });

  it("has no other in its place: another adapter rounds in another way", async () => {
    const { expected } = await undisturbed(PAIRS);
    const { engine, open } = fragile(inStep(6), undefined, (executor) => (executor === 2 ? "two" : "one"));
    const mine = thread(engine);
    await start(mine, "a", PAIRS);
    expect(mine.waits).toEqual([0, 500]);
    expect(open.size).toBe(0);
    expect(await numbersOf("a")).toEqual(expected);
    const other = fragile(inStep(6), undefined, (executor) => (executor > 1 ? "software" : "one"));
    const failure = await failureOf(start(thread(other.engine), "b", PAIRS));
    expect(failure).toMatchObject({
      code: "engine/device-lost",
      message: expect.stringContaining("another adapter than before: software."),
    });
    expect(other.open.size).toBe(0);
  });
});
