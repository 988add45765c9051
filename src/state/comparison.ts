import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import * as comparison from "@/bridge/comparison";
import type { Failure, Outcome } from "@/contracts/failure";
import type { ComparisonProgress } from "@/contracts/workers";
import { refreshRuns } from "./runs";

export interface ComparisonState {
  /** The run whose methods are at work, or were last. */
  readonly runId: string | null;
  readonly working: boolean;
  readonly progress: ComparisonProgress | null;
  /** Why the last one ended without results; null after a cancel. */
  readonly failure: Failure | null;
  /** The last one ended with results. */
  readonly finished: boolean;
}

const IDLE: ComparisonState = {
  runId: null,
  working: false,
  progress: null,
  failure: null,
  finished: false,
};
export const comparisonStore = createStore<ComparisonState>(() => IDLE);

export function useComparison(): ComparisonState {
  return useStore(comparisonStore);
}

/** Compares methods (all when `names` is empty) with a run's network. One at a time: fails with `run/comparing`. */
export async function compareMethods(runId: string, names: readonly string[] = []): Promise<Outcome<void>> {
  if (comparisonStore.getState().working)
    return {
      ok: false,
      failure: {
        code: "run/comparing",
        message: "Methods are being compared with another run.",
        remedy: "Wait for it or cancel it first.",
      },
    };
  comparisonStore.setState({ ...IDLE, runId, working: true });
  const outcome = await comparison.compare(runId, names, (progress) => {
    if (comparisonStore.getState().working) comparisonStore.setState({ progress });
  });
  const failure = outcome.ok || outcome.failure.code === "run/cancelled" ? null : outcome.failure;
  if (outcome.ok) await refreshRuns();
  comparisonStore.setState({ working: false, progress: null, failure, finished: outcome.ok });
  return outcome;
}

/** The comparison that followed the last training of this tab. */
let afterTraining: {
  readonly runId: string;
  readonly names: readonly string[];
  readonly outcome: Promise<Outcome<void>>;
} | null = null;

/** Starts what a config asks for when its run has ended; one that is under way elsewhere stays, and this one is left out. */
export function compareAfterTraining(runId: string, names: readonly string[]): void {
  afterTraining = { runId, names, outcome: compareMethods(runId, names) };
}

/** The outcome of the comparison that a run's end started with these methods, or of a new one. */
export function comparisonOf(runId: string, names: readonly string[]): Promise<Outcome<void>> {
  return afterTraining?.runId === runId && afterTraining.names.join() === names.join()
    ? afterTraining.outcome
    : compareMethods(runId, names);
}

export function cancelComparison(): void {
  void comparison.cancel();
}
