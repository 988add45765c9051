import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LabError } from "@/contracts/failure";
import type { RunConfig } from "@/contracts/runConfig";
import type { Engine } from "@/engine/executor";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { readSafetensors, writeSafetensors } from "@/model/safetensors";
import { getCheckpoint } from "@/storage/checkpoints";
import { closeDatabase, DATABASE_NAME, openDatabase } from "@/storage/database";
import { modelsOfRun } from "@/storage/models";
import { getPreview } from "@/storage/previews";
import { deleteRun, getRun, getTrace, listRuns, readCurve } from "@/storage/runs";
import { resumeSession } from "./session";
import {
  CONFIG,
  engineWith,
  IMAGES,
  numbersOf,
  start,
  storeDataset,
  type Thread,
  thread,
} from "./session.fixture";

/** Runs until `step` begins, then the thread is gone: nothing of it goes on. */
async function crashAt(step: number, begin: (crashing: Thread) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const engine = engineWith((number) => {
      if (number !== step) return;
      resolve();
      return new Promise(() => undefined);
    });
    begin(thread(engine)).then(() => reject(new Error("it did not crash")), reject);
  });
}

beforeEach(() => storeDataset());
afterEach(async () => {
  vi.unstubAllGlobals();
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("a run from start to end", () => {
  it("leaves a result, models, a curve, previews and a trace; `finished` comes last", async () => {
    const mine = thread();
    await start(mine, "a", { ...CONFIG, engine: { ...CONFIG.engine, name: "auto" } });
    const run = await getRun("a");
    const result = run.result;
    if (!result) throw new Error("no result");
    const { train, validation, test } = result.dataset;
    const stepsPerEpoch = Math.ceil(train / 3);
    expect(train + validation + test).toBe(IMAGES);
    expect(run).toMatchObject({ status: "done", step: 3 * stepsPerEpoch, failure: null });
    expect(result).toMatchObject({
      complete: true,
      dataset: { images: IMAGES, patients: 8, synthetic: false, fingerprint: "f00d" },
      engine: { name: "tfjs-cpu", timingsMs: { "tfjs-cpu": 7 } },
      test: { count: test },
      replicas: [{ images: 3 * train, shared: false }],
    });
    expect(result.epochs).toEqual(run.epochs);
    expect(result.timing.achievedGflops).toBeCloseTo(
      3 * result.model.forwardGflopsPerImage * result.timing.trainImagesPerSecond,
      9,
    );
    expect(result.timing.trainImagesPerSecond).toBeCloseTo((3 * train) / result.timing.trainSeconds, 9);
    expect(run.perImage?.map(({ contentHash, index }) => contentHash === `hash${index}`)).toEqual(
      Array(test).fill(true),
    );
    expect((await readCurve("a")).losses.length).toBe(3 * stepsPerEpoch);
    expect((await getPreview("a"))?.epoch).toBe(3);
    expect((await getTrace("a"))?.losses.length).toBe(2);
    expect(await getCheckpoint("a")).toBeNull();
    const models = await modelsOfRun("a");
    expect(models.map(({ kind }) => kind)).toEqual(["best", "last"]);
    const file = readSafetensors((models[0] as (typeof models)[0]).bytes);
    expect(JSON.parse(file.metadata["config"] ?? "")).toEqual(run.config);
    expect(mine.events.at(-1)).toEqual({ type: "finished", result });
    const phases = mine.events.flatMap((event) => (event.type === "phase" ? [event.phase] : []));
    for (const phase of ["preparing", "choosing-engine", "testing", "done"] as const)
      expect(phases).toContain(phase);
  });

  it("starts from given weights", async () => {
    const graph = buildGraph(CONFIG.model);
    const given = initialWeights(graph, 777);
    await start(thread(), "a", CONFIG, writeSafetensors(given));
    expect((await getTrace("a"))?.initial).toEqual(given);
  });
});

describe("a crash", () => {
  it("at any step, and again, leads to the same numbers", async () => {
    await start(thread(), "whole");
    const expected = await numbersOf("whole");
    expect(expected.losses.length).toBe(9);
    for (const steps of [[1], [3], [4], [8], [2, 5, 9]]) {
      const [first, ...later] = steps as [number, ...number[]];
      const id = `crash-${steps.join("-")}`;
      await crashAt(first, (crashing) => start(crashing, id));
      for (const step of later) await crashAt(step, ({ context }) => resumeSession(id, context));
      expect((await listRuns()).find((run) => run.id === id)?.status).toBe("interrupted");
      await resumeSession(id, thread().context);
      expect(await numbersOf(id)).toEqual(expected);
    }
  });

  it("before the first checkpoint keeps the weights it was given", async () => {
    const weights = () => writeSafetensors(initialWeights(buildGraph(CONFIG.model), 777));
    await start(thread(), "whole", CONFIG, weights());
    await crashAt(2, (crashing) => start(crashing, "cut", CONFIG, weights()));
    await resumeSession("cut", thread().context);
    expect(await numbersOf("cut")).toEqual(await numbersOf("whole"));
  });
});

describe("pause and stop", () => {
  it("pauses with a checkpoint and goes on", async () => {
    await start(thread(), "whole");
    const mine = thread(
      engineWith((step) => {
        if (step === 4) mine.control.pause();
      }),
    );
    const running = start(mine, "a");
    const isPaused = () => mine.events.some((event) => event.type === "phase" && event.phase === "paused");
    while (!isPaused()) await new Promise((resolve) => setTimeout(resolve));
    const stored = await (await openDatabase()).get("runs", "a");
    expect(stored).toMatchObject({ status: "paused", step: 4, checkpointStep: 4 });
    mine.control.continue();
    await running;
    expect(await numbersOf("a")).toEqual(await numbersOf("whole"));
  });

  it("stops with a partial result, weights and tests, and can still go on", async () => {
    await start(thread(), "whole");
    const mine = thread(
      engineWith((step) => {
        if (step === 5) mine.control.stop();
      }),
    );
    await start(mine, "a");
    const run = await getRun("a");
    expect(run).toMatchObject({ status: "stopped", step: 5, checkpointStep: 5, failure: null });
    expect(run.result).toMatchObject({ complete: false, best: { epoch: 1 } });
    expect(run.result?.test?.count).toBeGreaterThan(0);
    expect((await modelsOfRun("a")).map(({ kind }) => kind)).toEqual(["best", "last"]);
    expect(mine.events.at(-1)?.type).toBe("finished");
    await resumeSession("a", thread().context);
    expect(await numbersOf("a")).toEqual(await numbersOf("whole"));
  });

  it("leaves the rest of the tests out when stopped again, or while testing", async () => {
    for (const when of ["training", "testing"]) {
      const mine = thread(
        engineWith((step) => {
          if (step === 5 && when === "training") mine.control.stop();
        }),
      );
      const { events } = mine.context;
      const emit = events.emit.bind(events);
      events.emit = (event) => {
        if (event.type === "phase" && event.phase === "testing") mine.control.stop();
        emit(event);
      };
      await start(mine, when);
      const run = await getRun(when);
      expect(run.status).toBe(when === "training" ? "stopped" : "done");
      expect(run.result).toMatchObject({ complete: when === "testing", test: null });
      expect(run.perImage).toBeNull();
    }
  });

  it("stopped before it began, leaves nothing", async () => {
    const mine = thread();
    mine.control.stop();
    await expect(start(mine, "a")).rejects.toMatchObject({ failure: { code: "run/cancelled" } });
    expect(await listRuns()).toEqual([]);
  });
});

describe("a failure", () => {
  const brokenAt = (broken: number) =>
    engineWith(
      () => undefined,
      (step, loss) => (step === broken ? Number.NaN : loss),
    );

  it("is stored with the result so far and the weights of the last checkpoint", async () => {
    await expect(start(thread(brokenAt(5)), "a")).rejects.toMatchObject({
      failure: { code: "training/nan-loss" },
    });
    const run = await getRun("a");
    expect(run).toMatchObject({
      status: "failed",
      checkpointStep: 3,
      failure: { code: "training/nan-loss" },
      result: { complete: false, test: null, best: { epoch: 1 } },
    });
    expect((await modelsOfRun("a")).map(({ kind }) => kind)).toEqual(["best", "last"]);
    expect((await getCheckpoint("a"))?.step).toBe(3);
    await resumeSession("a", thread().context);
    expect((await getRun("a")).status).toBe("done");
  });

  it("of a run deleted meanwhile is told as it is", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const engine = engineWith((step) => (step === 2 ? deleteRun("a") : undefined));
    await expect(start(thread(engine), "a")).rejects.toMatchObject({ failure: { code: "run/missing" } });
    expect(await listRuns()).toEqual([]);
    expect(await getCheckpoint("a")).toBeNull();
    vi.restoreAllMocks();
  });
});

describe("what cannot be", () => {
  const codeOf = async (work: Promise<void>): Promise<string> => {
    const error = await work.then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof LabError)) throw new Error(`no failure: ${String(error)}`);
    expect(error.failure.remedy).toMatch(/\.$/);
    return error.failure.code;
  };
  const withData = (data: Partial<RunConfig["data"]>): RunConfig => ({
    ...CONFIG,
    data: { ...CONFIG.data, ...data },
  });

  it("is refused before anything is stored", async () => {
    const other = writeSafetensors(initialWeights(buildGraph({ name: "unet", width: 2, norm: "last" }), 1));
    expect(await codeOf(start(thread(), "a", withData({ source: "dataset:gone" })))).toBe("data/missing");
    expect(await codeOf(start(thread(), "a", withData({ source: "any" })))).toBe("data/missing");
    expect(await codeOf(start(thread(), "a", withData({ source: "phantom:5" })))).toBe("data/missing");
    expect(await codeOf(start(thread(), "a", withData({ size: 32 })))).toBe("shape/too-small");
    expect(await codeOf(start(thread(), "a", withData({ maxImages: 3 })))).toBe("data/too-few");
    expect(
      await codeOf(start(thread(), "a", { ...CONFIG, trace: 1000, data: { ...CONFIG.data, size: 2048 } })),
    ).toBe("config/trace");
    expect(await codeOf(start(thread(), "a", CONFIG, other))).toBe("weights/shape");
    expect(
      await codeOf(start(thread(), "a", { ...CONFIG, engine: { ...CONFIG.engine, name: "tfjs-webgl" } })),
    ).toBe("engine/unavailable");
    expect(await listRuns()).toEqual([]);
  });

  it("is refused when resuming: another engine, other data, no checkpoint, no such run", async () => {
    await crashAt(5, (crashing) => start(crashing, "a"));
    const other: Engine = { ...engineWith(() => undefined), name: "tfjs-wasm" };
    expect(await codeOf(resumeSession("a", thread(other).context))).toBe("engine/unavailable");
    const gone: Engine = { ...engineWith(() => undefined), unavailable: async () => "It is gone." };
    expect(await codeOf(resumeSession("a", thread(gone).context))).toBe("engine/unavailable");
    await storeDataset(20);
    expect(await codeOf(resumeSession("a", thread().context))).toBe("data/changed");
    await storeDataset();
    await resumeSession("a", thread().context);
    expect(await codeOf(resumeSession("a", thread().context))).toBe("run/complete");
    expect(await codeOf(resumeSession("b", thread().context))).toBe("run/missing");
  });

  it("lets only one tab train a run", async () => {
    const held = new Set<string>();
    const request = async (
      name: string,
      { signal }: { signal: AbortSignal },
      work: () => Promise<unknown>,
    ) => {
      if (held.has(name))
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      held.add(name);
      return work().finally(() => held.delete(name));
    };
    const query = async () => ({ held: [...held].map((name) => ({ name })) });
    vi.stubGlobal("navigator", { locks: { request, query } });
    await crashAt(5, (crashing) => start(crashing, "a"));
    expect((await getRun("a")).status).toBe("running");
    expect(await codeOf(resumeSession("a", thread().context))).toBe("run/busy");
    held.clear();
    await resumeSession("a", thread().context);
    expect((await getRun("a")).status).toBe("done");
  });
});
