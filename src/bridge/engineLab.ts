import { proxy } from "comlink";
import type {
  EngineLabApi,
  PlanReport,
  PlanRequest,
  TuningEntry,
  TuningProgress,
  TuningReport,
} from "@/contracts/engineLab";
import type { Outcome } from "@/contracts/failure";
import type { Listener } from "@/contracts/workers";
import { LazyWorker } from "./lazyWorker";

/** Long enough to read a table between two measurements; then the device's memory is given back. */
const IDLE_MS = 60_000;

const lab = new LazyWorker<EngineLabApi>({
  name: "engine",
  idleMs: IDLE_MS,
  start: () =>
    new Worker(new URL("../../workers/engine.worker.ts", import.meta.url), {
      type: "module",
      name: "engine",
    }),
});

/** The plan without running it. */
export function plan(request: PlanRequest): Promise<Outcome<PlanReport>> {
  return lab.call((api) => api.plan(request));
}

/** Runs the plan a few times and times every dispatch. */
export function measure(
  request: PlanRequest,
  onProgress: Listener<{ readonly done: number; readonly total: number }>,
): Promise<Outcome<PlanReport>> {
  return lab.call((api) => api.measure(request, proxy(onProgress)));
}

/** Tries the ways to compute each kernel of the plan for so long, and keeps the fastest. */
export function tune(
  request: PlanRequest,
  budgetSeconds: number,
  onProgress: Listener<TuningProgress>,
): Promise<Outcome<TuningReport>> {
  return lab.call((api) => api.tune(request, budgetSeconds, proxy(onProgress)));
}

/** Ends what runs with `run/cancelled`; what was tuned so far is kept. */
export function cancel(): Promise<void> {
  return lab.notify((api) => api.cancel());
}

/** Every choice stored, of every device. */
export function tuning(): Promise<Outcome<readonly TuningEntry[]>> {
  return lab.call((api) => api.tuning());
}

export function resetTuning(): Promise<Outcome<void>> {
  return lab.call((api) => api.resetTuning());
}
