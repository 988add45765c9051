import { beforeEach, describe, expect, it, vi } from "vitest";
import type { PlanReport, PlanRequest, TuningEntry, TuningReport } from "@/contracts/engineLab";
import type { Failure, Outcome } from "@/contracts/failure";

interface Call {
  readonly method: string;
  readonly request: PlanRequest | null;
  readonly tell: (progress: unknown) => void;
  readonly end: (outcome: unknown) => void;
}

/** The worker's side of the bridge, held by the test: calls wait until the test ends them. */
const worker = vi.hoisted(() => ({ calls: [] as Call[], cancels: 0, stored: [] as unknown[] }));

vi.mock("@/bridge/engineLab", () => {
  const wait = (method: string, request: PlanRequest | null, tell: (progress: unknown) => void) =>
    new Promise((end) => worker.calls.push({ method, request, tell, end }));
  return {
    plan: (request: PlanRequest) => wait("plan", request, () => undefined),
    measure: (request: PlanRequest, tell: (progress: unknown) => void) => wait("measure", request, tell),
    tune: (request: PlanRequest, _seconds: number, tell: (progress: unknown) => void) =>
      wait("tune", request, tell),
    cancel: () => {
      worker.cancels++;
      return Promise.resolve();
    },
    tuning: () => Promise.resolve({ ok: true, value: worker.stored }),
    resetTuning: () => {
      worker.stored = [];
      return Promise.resolve({ ok: true, value: undefined });
    },
  };
});

const small: PlanRequest = {
  model: { name: "unet", width: 2, norm: "last" },
  size: 32,
  images: 2,
  precision: "f32",
  pass: "training",
};
const large: PlanRequest = { ...small, size: 64 };

const reportOf = (request: PlanRequest, ms: number | null = null, variant = "lane"): PlanReport => ({
  request,
  adapter: { vendor: "v", architecture: "a", device: "", description: "", isFallbackAdapter: false },
  features: [],
  nodes: [
    {
      label: "conv1.0 forward",
      kernel: "convForward 1→4 32×32×2",
      variant,
      workgroups: [1, 1, 1],
      flops: 1,
      bytes: 1,
      startMs: ms === null ? null : 0,
      ms,
    },
  ],
  flops: 1,
  bytesMoved: 1,
  tensorBytes: 1,
  parameterBytes: 1,
  notes: [],
  stepMs: ms,
  matmulGflops: null,
});
const ok = <T>(value: T): Outcome<T> => ({ ok: true, value });
const fail = (code: Failure["code"]): Outcome<never> => ({
  ok: false,
  failure: { code, message: "It did not work.", remedy: "Try again." },
});
const ENTRY: TuningEntry = {
  device: "v a",
  kernel: "convForward 1→4 32×32×2",
  variant: "pixel",
  ms: 1,
  defaultVariant: "lane",
  defaultMs: 2,
  measuredAtMs: 0,
};
const TUNED: TuningReport = { entries: [ENTRY], left: 3, seconds: 60, failures: [] };

/** A fresh store each time: it is the module's own. */
async function fresh() {
  vi.resetModules();
  return import("./engineLab");
}
const flush = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** The worker's answer to the last call. */
async function answer(outcome: Outcome<unknown>): Promise<void> {
  worker.calls.at(-1)?.end(outcome);
  await flush();
}

/** A store that shows the plan of `small`. */
async function planned() {
  const lab = await fresh();
  void lab.choosePlan(small);
  await answer(ok(reportOf(small)));
  return lab;
}

beforeEach(() => {
  worker.calls.length = 0;
  worker.cancels = 0;
  worker.stored = [];
});

describe("planning", () => {
  it("shows the plan asked for last, whatever comes back when", async () => {
    const { choosePlan, engineLabStore } = await fresh();
    void choosePlan(small);
    void choosePlan(large);
    await answer(ok(reportOf(large)));
    worker.calls[0]?.end(ok(reportOf(small)));
    await flush();
    expect(engineLabStore.getState()).toMatchObject({ planning: false, report: { request: large } });
  });

  it("asks once for a plan that is wanted already", async () => {
    const { choosePlan } = await planned();
    await choosePlan({ ...small });
    expect(worker.calls).toHaveLength(1);
  });

  it("keeps the failure in words, and plans again when asked", async () => {
    const { choosePlan, engineLabStore, planAgain } = await fresh();
    void choosePlan(small);
    await answer(fail("engine/out-of-memory"));
    expect(engineLabStore.getState()).toMatchObject({
      report: null,
      failure: { during: "plan", failure: { code: "engine/out-of-memory" } },
    });
    void planAgain();
    await answer(ok(reportOf(small)));
    expect(engineLabStore.getState()).toMatchObject({ failure: null, report: { request: small } });
  });
});

describe("measuring", () => {
  it("follows the progress, then shows the times, and drops progress that comes after them", async () => {
    const { engineLabStore, measurePlan } = await planned();
    void measurePlan();
    const call = worker.calls.at(-1);
    call?.tell({ done: 1, total: 4 });
    expect(engineLabStore.getState().job).toMatchObject({ kind: "measure", done: 1, total: 4 });
    await answer(ok(reportOf(small, 5)));
    call?.tell({ done: 4, total: 4 });
    expect(engineLabStore.getState()).toMatchObject({ job: null, report: { stepMs: 5 } });
  });

  it("drops the late progress of one measurement during the next", async () => {
    const { engineLabStore, measurePlan } = await planned();
    void measurePlan();
    const late = worker.calls.at(-1);
    await answer(ok(reportOf(small, 5)));
    void measurePlan();
    late?.tell({ done: 4, total: 4 });
    expect(engineLabStore.getState().job).toMatchObject({ done: 0, total: 0 });
  });

  it("does one thing at a time", async () => {
    const { measurePlan, tunePlan } = await planned();
    void measurePlan();
    void measurePlan();
    void tunePlan();
    expect(worker.calls.map(({ method }) => method)).toEqual(["plan", "measure"]);
  });

  it("is no failure when the user ends it, and waits for the worker to say so", async () => {
    const { cancelJob, engineLabStore, measurePlan } = await planned();
    void measurePlan();
    cancelJob();
    cancelJob();
    expect(worker.cancels).toBe(1);
    expect(engineLabStore.getState().job).toMatchObject({ cancelling: true });
    await answer(fail("run/cancelled"));
    expect(engineLabStore.getState()).toMatchObject({
      job: null,
      failure: null,
      report: { request: small },
    });
  });

  it("keeps the plan beside a failure", async () => {
    const { engineLabStore, measurePlan } = await planned();
    void measurePlan();
    await answer(fail("engine/no-timestamps"));
    expect(engineLabStore.getState()).toMatchObject({
      job: null,
      report: { request: small },
      failure: { during: "measure", failure: { code: "engine/no-timestamps" } },
    });
  });

  it("ends for another plan, and its times do not show there", async () => {
    const { choosePlan, engineLabStore, measurePlan } = await planned();
    void measurePlan();
    const measuring = worker.calls.at(-1);
    void choosePlan(large);
    expect(worker.cancels).toBe(1);
    measuring?.tell({ done: 2, total: 4 });
    expect(engineLabStore.getState().job).toBeNull();
    await answer(ok(reportOf(large)));
    measuring?.end(ok(reportOf(small, 5)));
    await flush();
    expect(engineLabStore.getState().report).toMatchObject({ request: large, stepMs: null });
  });
});

describe("tuning", () => {
  it("tells how far it is, lists what it found, and plans with it", async () => {
    const { engineLabStore, tunePlan } = await planned();
    void tunePlan();
    worker.calls.at(-1)?.tell({ done: 1, total: 9, kernel: ENTRY.kernel, secondsLeft: 20 });
    expect(engineLabStore.getState().job).toMatchObject({ kernel: ENTRY.kernel, secondsLeft: 20 });
    worker.stored = [ENTRY];
    await answer(ok(TUNED));
    await answer(ok(reportOf(small, null, "pixel")));
    expect(engineLabStore.getState()).toMatchObject({
      job: null,
      planning: false,
      tuned: TUNED,
      tuning: { entries: [ENTRY] },
      report: { nodes: [{ variant: "pixel" }] },
    });
  });

  it("keeps measured times where it changed nothing", async () => {
    const { engineLabStore, measurePlan, tunePlan } = await planned();
    void measurePlan();
    await answer(ok(reportOf(small, 5)));
    void tunePlan();
    await answer(fail("run/cancelled"));
    await answer(ok(reportOf(small)));
    expect(engineLabStore.getState()).toMatchObject({ failure: null, report: { stepMs: 5 } });
  });

  it("shows its failure after the plan was made anew", async () => {
    const { engineLabStore, tunePlan } = await planned();
    void tunePlan();
    await answer(fail("engine/device-lost"));
    await answer(ok(reportOf(small)));
    expect(engineLabStore.getState()).toMatchObject({
      failure: { during: "tune", failure: { code: "engine/device-lost" } },
    });
  });

  it("is forgotten on reset, and the plan made anew", async () => {
    const { engineLabStore, refreshTuning, resetTuning } = await planned();
    worker.stored = [ENTRY];
    await refreshTuning();
    expect(engineLabStore.getState().tuning.entries).toHaveLength(1);
    const reset = resetTuning();
    await flush();
    await answer(ok(reportOf(small)));
    expect((await reset).ok).toBe(true);
    expect(engineLabStore.getState().tuning).toMatchObject({ status: "ready", entries: [] });
    expect(worker.calls.map(({ method }) => method)).toEqual(["plan", "plan"]);
  });
});
