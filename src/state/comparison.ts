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
}

const IDLE: ComparisonState = { runId: null, working: false, progress: null, failure: null };
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
  comparisonStore.setState({ runId, working: true, progress: null, failure: null });
  const outcome = await comparison.compare(runId, names, (progress) => {
    if (comparisonStore.getState().working) comparisonStore.setState({ progress });
  });
  const failure = outcome.ok || outcome.failure.code === "run/cancelled" ? null : outcome.failure;
  if (outcome.ok) await refreshRuns();
  comparisonStore.setState({ working: false, progress: null, failure });
  return outcome;
}

export function cancelComparison(): void {
  void comparison.cancel();
}
