import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Outcome } from "@/contracts/failure";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import type { ProgressInfo, RunResult, TrainingEvent } from "@/contracts/training";

/** The worker's side of the bridge, held by the test. */
const worker = vi.hoisted(() => ({
  tell: (_event: unknown): void => undefined,
  end: (_outcome: unknown): void => undefined,
  rendered: (_outcome: unknown): void => undefined,
  calls: [] as string[],
}));

vi.mock("@/bridge/replica", () => ({
  startRun: (_request: unknown, onEvent: (event: unknown) => void) => {
    worker.tell = onEvent;
    worker.calls.push("start");
    return {
      runId: "run-1",
      done: new Promise((resolve) => {
        worker.end = resolve;
      }),
      pause: () => worker.calls.push("pause"),
      continue: () => worker.calls.push("continue"),
      stop: () => worker.calls.push("stop"),
    };
  },
  resumeRun: vi.fn(),
}));
vi.mock("@/bridge/importer", () => ({
  startPhantoms: () => ({
    done: new Promise((resolve) => {
      worker.rendered = resolve;
    }),
    cancel: () => worker.calls.push("cancel rendering"),
  }),
}));
vi.mock("./datasets", () => ({ refreshDatasets: vi.fn() }));
vi.mock("./runs", () => ({ refreshRuns: vi.fn() }));
vi.mock("./models", () => ({ refreshModels: vi.fn() }));
vi.mock("./comparison", () => ({
  compareAfterTraining: (runId: string, names: readonly string[]) =>
    worker.calls.push(`compare ${runId} ${names.join()}`),
}));
vi.mock("@/storage/runs", () => ({}));

const stored: RunConfig = { ...DEFAULT_CONFIG, data: { ...DEFAULT_CONFIG.data, source: "dataset:a" } };
const phantoms: RunConfig = { ...stored, data: { ...stored.data, source: "phantom:8" } };
const progress: ProgressInfo = {
  step: 2,
  totalSteps: 4,
  epoch: 1,
  epochs: 1,
  stepInEpoch: 2,
  stepsPerEpoch: 4,
  imagesPerSecond: 1,
  secondsLeft: 2,
  deviceBytes: null,
};
const steps = (firstStep: number, ...losses: number[]): TrainingEvent => ({
  type: "steps",
  steps: { firstStep, losses: Float32Array.from(losses), stepMs: new Float32Array(losses.length) },
  progress,
});
const fine: Outcome<void> = { ok: true, value: undefined };

/** A fresh store each time: it is the module's own. */
async function fresh() {
  vi.resetModules();
  return await import("./training");
}

describe("the training store", () => {
  beforeEach(() => {
    worker.calls.length = 0;
    vi.useFakeTimers();
  });

  it("refuses a second run while one is on, and takes one when it has ended", async () => {
    const { startTraining, trainingStore } = await fresh();
    expect(await startTraining({ name: "a", config: stored })).toEqual({ ok: true, value: "run-1" });
    const second = await startTraining({ name: "b", config: stored });
    expect(second.ok ? null : second.failure.code).toBe("run/busy");
    expect(trainingStore.getState().run?.name).toBe("a");
    worker.tell({ type: "phase", phase: "done" });
    worker.end(fine);
    await vi.advanceTimersByTimeAsync(1);
    expect((await startTraining({ name: "b", config: stored })).ok).toBe(true);
  });

  it("gathers steps, tells them together, and a new phase at once", async () => {
    const { liveCurve, startTraining, trainingStore } = await fresh();
    await startTraining({ name: "a", config: stored });
    worker.tell(steps(1, 5));
    worker.tell(steps(2, 4));
    expect(liveCurve.length).toBe(2);
    expect(trainingStore.getState().curveVersion).toBe(0);
    await vi.advanceTimersByTimeAsync(250);
    expect(trainingStore.getState().curveVersion).toBe(2);
    worker.tell(steps(3, 3));
    worker.tell({ type: "phase", phase: "validating" });
    expect(trainingStore.getState()).toMatchObject({ phase: "validating", curveVersion: 3 });
  });

  it("takes the losses back that a recovery withdraws, and tells it at once", async () => {
    const { liveCurve, startTraining, trainingStore } = await fresh();
    await startTraining({ name: "a", config: stored });
    worker.tell(steps(1, 5, 4, 3, 2));
    const recovery = { step: 4, checkpointStep: 2, reason: "The graphics device was lost.", atMs: 1 };
    worker.tell({ type: "recovered", recovery });
    expect([...liveCurve.losses]).toEqual([5, 4]);
    expect(trainingStore.getState()).toMatchObject({ recoveries: [recovery], progress: { step: 2 } });
    worker.tell(steps(3, 3, 2, 1));
    expect([...liveCurve.losses]).toEqual([5, 4, 3, 2, 1]);
  });

  it("drops what an earlier run still sends", async () => {
    const { liveCurve, startTraining, trainingStore } = await fresh();
    await startTraining({ name: "a", config: stored });
    const late = worker.tell;
    worker.tell({ type: "phase", phase: "done" });
    worker.end(fine);
    await vi.advanceTimersByTimeAsync(1);
    await startTraining({ name: "b", config: stored });
    late(steps(1, 9));
    late({ type: "phase", phase: "failed" });
    expect(liveCurve.length).toBe(0);
    expect(trainingStore.getState().phase).toBe("preparing");
  });

  it("compares the methods that a config asks for when the run is done and tested, and not when it was stopped", async () => {
    const asking = { ...stored, evaluation: { ...stored.evaluation, baselines: ["tv", "bm3d"] } };
    const tested = { test: { count: 1 } } as unknown as RunResult;
    const compared = async (config: RunConfig, result: RunResult, phase: "done" | "stopped") => {
      worker.calls.length = 0;
      const { startTraining } = await fresh();
      await startTraining({ name: "a", config });
      worker.tell({ type: "finished", result });
      worker.tell({ type: "phase", phase });
      worker.end(fine);
      await vi.advanceTimersByTimeAsync(1);
      return worker.calls.filter((call) => call.startsWith("compare"));
    };
    expect(await compared(asking, tested, "done")).toEqual(["compare run-1 tv,bm3d"]);
    expect(await compared(asking, tested, "stopped")).toEqual([]);
    expect(await compared(asking, { ...tested, test: null }, "done")).toEqual([]);
    expect(await compared(stored, tested, "done")).toEqual([]);
  });

  it("keeps a failure of the worker, in words", async () => {
    const { startTraining, trainingStore } = await fresh();
    await startTraining({ name: "a", config: stored });
    const failure = { code: "run/worker-crashed", message: "It ended.", remedy: "Resume it." };
    worker.end({ ok: false, failure });
    await vi.advanceTimersByTimeAsync(1);
    expect(trainingStore.getState()).toMatchObject({ phase: "failed", failure });
  });

  it("leaves nothing behind when it is stopped while phantoms are drawn", async () => {
    const { startTraining, stopTraining, trainingStore } = await fresh();
    const starting = startTraining({ name: "a", config: phantoms });
    expect(trainingStore.getState().phase).toBe("rendering");
    stopTraining();
    worker.rendered({
      ok: false,
      failure: { code: "data/cancelled", message: "Cancelled.", remedy: "Start." },
    });
    expect((await starting).ok).toBe(true);
    expect(trainingStore.getState()).toMatchObject({ run: null, phase: null, failure: null });
    expect(worker.calls).toEqual(["cancel rendering"]);
  });
});
