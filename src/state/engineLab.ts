import { useEffect } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import * as engineLab from "@/bridge/engineLab";
import type { PlanReport, PlanRequest, TuningEntry, TuningReport } from "@/contracts/engineLab";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";

/** Long enough for a small network on a slow adapter; what is left over is said, and tuning again goes on with it. */
const TUNING_SECONDS = 60;

/** What the worker is at for the screen, beyond planning. */
export interface EngineJob {
  readonly kind: "measure" | "tune";
  readonly done: number;
  /** 0 until the worker has said how much there is. */
  readonly total: number;
  /** What is being tuned. */
  readonly kernel: string | null;
  readonly secondsLeft: number | null;
  /** The user has asked for its end. */
  readonly cancelling: boolean;
}

export interface EngineLabState {
  /** The plan wanted. */
  readonly request: PlanRequest | null;
  /** The last plan that was made or measured; of an earlier request while `planning`. */
  readonly report: PlanReport | null;
  readonly planning: boolean;
  readonly job: EngineJob | null;
  readonly failure: { readonly during: "plan" | EngineJob["kind"]; readonly failure: Failure } | null;
  /** What the last tuning of this visit found; null before one. */
  readonly tuned: TuningReport | null;
  readonly tuning: {
    readonly status: "loading" | "ready" | "failed";
    /** Of every device. */
    readonly entries: readonly TuningEntry[];
    readonly failure: Failure | null;
  };
}

const NOTHING: EngineLabState = {
  request: null,
  report: null,
  planning: false,
  job: null,
  failure: null,
  tuned: null,
  tuning: { status: "loading", entries: [], failure: null },
};

/** What the engine screen shows; measuring and tuning go on while other screens are open. */
export const engineLabStore = createStore<EngineLabState>(() => NOTHING);

const set = (part: Partial<EngineLabState>): void => engineLabStore.setState(part);

/** Counts plans and jobs: what an earlier one still sends is dropped. */
let generation = 0;

/** Bridges do not reject; should one do so, it is a failure like any other. */
async function settled<T>(work: Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await work;
  } catch (error) {
    return { ok: false, failure: toFailure(error) };
  }
}

const sameRequest = (a: PlanRequest | null, b: PlanRequest): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** The same dispatches computed the same ways for the same request. */
function samePlan(a: PlanReport, b: PlanReport): boolean {
  const ways = ({ request, nodes }: PlanReport): string =>
    JSON.stringify([request, nodes.map(({ label, kernel, variant }) => [label, kernel, variant])]);
  return ways(a) === ways(b);
}

/** Asks for another plan. A job on the former one is ended; the plan wanted already is left as it is. */
export async function choosePlan(request: PlanRequest): Promise<void> {
  if (sameRequest(engineLabStore.getState().request, request)) return;
  if (engineLabStore.getState().job) void engineLab.cancel();
  set({ request, job: null, tuned: null });
  await makePlan(request);
}

/** Makes the plan wanted once more: after a failure, or when the tuning has changed. */
export async function planAgain(): Promise<void> {
  const { request } = engineLabStore.getState();
  if (request) await makePlan(request);
}

async function makePlan(request: PlanRequest): Promise<void> {
  const mine = ++generation;
  set({ planning: true, failure: null });
  const outcome = await settled(engineLab.plan(request));
  if (mine !== generation) return;
  if (outcome.ok) {
    const { report } = engineLabStore.getState();
    // A tuning that changed nothing leaves the times valid.
    set({ planning: false, report: report && samePlan(report, outcome.value) ? report : outcome.value });
  } else set({ planning: false, report: null, failure: { during: "plan", failure: outcome.failure } });
}

/** Starts a job on the plan wanted; null where there is none, or where the worker is at something else. */
function beginJob(kind: EngineJob["kind"]): { readonly request: PlanRequest; readonly mine: number } | null {
  const { request, planning, job } = engineLabStore.getState();
  if (!request || planning || job) return null;
  const mine = ++generation;
  set({
    failure: null,
    job: { kind, done: 0, total: 0, kernel: null, secondsLeft: null, cancelling: false },
  });
  return { request, mine };
}

/** A progress message: dropped when its job is over, for the last ones may come after the result. */
function tell(
  mine: number,
  part: Pick<EngineJob, "done" | "total"> & Partial<Pick<EngineJob, "kernel" | "secondsLeft">>,
): void {
  const { job } = engineLabStore.getState();
  if (mine === generation && job) set({ job: { ...job, ...part } });
}

/** What the user ended is no failure. */
function failureOf(kind: EngineJob["kind"], outcome: Outcome<unknown>): EngineLabState["failure"] {
  if (outcome.ok || outcome.failure.code === "run/cancelled") return null;
  return { during: kind, failure: outcome.failure };
}

/** Runs the plan a few times and times every dispatch. */
export async function measurePlan(): Promise<void> {
  const begun = beginJob("measure");
  if (!begun) return;
  const { request, mine } = begun;
  const outcome = await settled(engineLab.measure(request, ({ done, total }) => tell(mine, { done, total })));
  if (mine !== generation) return;
  set({
    job: null,
    failure: failureOf("measure", outcome),
    ...(outcome.ok ? { report: outcome.value } : {}),
  });
}

/** Tries the ways to compute each operation of the plan, keeps the fastest, and plans anew with them. */
export async function tunePlan(): Promise<void> {
  const begun = beginJob("tune");
  if (!begun) return;
  const { request, mine } = begun;
  const outcome = await settled(engineLab.tune(request, TUNING_SECONDS, (progress) => tell(mine, progress)));
  // What was found is stored even when the screen is at another plan by now.
  await refreshTuning();
  if (mine !== generation) return;
  const failure = failureOf("tune", outcome);
  set({ job: null, tuned: outcome.ok ? outcome.value : null });
  await makePlan(request);
  const now = engineLabStore.getState();
  if (failure && now.request === request && now.failure === null) set({ failure });
}

/** Ends the job at the worker's next chance; the job stays until the worker has said so. */
export function cancelJob(): void {
  const { job } = engineLabStore.getState();
  if (!job || job.cancelling) return;
  set({ job: { ...job, cancelling: true } });
  void engineLab.cancel();
}

/** Reads the stored tuning again. */
export async function refreshTuning(): Promise<void> {
  const outcome = await settled(engineLab.tuning());
  set({
    tuning: outcome.ok
      ? { status: "ready", entries: outcome.value, failure: null }
      : { status: "failed", entries: [], failure: outcome.failure },
  });
}

/** Forgets the tuning of every device; the plan shown is made anew without it. */
export async function resetTuning(): Promise<Outcome<void>> {
  const outcome = await settled(engineLab.resetTuning());
  if (!outcome.ok) return outcome;
  set({ tuned: null });
  await refreshTuning();
  await planAgain();
  return outcome;
}

/** What the engine screen shows. The tuning is read when the screen opens. */
export function useEngineLab(): EngineLabState {
  useEffect(() => {
    void refreshTuning();
  }, []);
  return useStore(engineLabStore);
}
