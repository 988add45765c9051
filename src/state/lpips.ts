import { useEffect } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import * as evaluation from "@/bridge/evaluation";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";
import type { LpipsNetwork, LpipsWeightsSummary } from "@/contracts/lpips";
import { listLpipsWeights } from "@/storage/lpips";

export interface LpipsState {
  readonly status: "loading" | "ready" | "failed";
  readonly weights: readonly LpipsWeightsSummary[];
  readonly failure: Failure | null;
}

export const lpipsStore = createStore<LpipsState>(() => ({ status: "loading", weights: [], failure: null }));

/** Reads again which LPIPS weights are stored. */
export async function refreshLpips(): Promise<void> {
  try {
    lpipsStore.setState({ status: "ready", weights: await listLpipsWeights(), failure: null });
  } catch (error) {
    lpipsStore.setState({ status: "failed", failure: toFailure(error) });
  }
}

/** The LPIPS weights stored here; read when a screen opens and after each change made in this tab. */
export function useLpips(): LpipsState {
  useEffect(() => {
    void refreshLpips();
  }, []);
  return useStore(lpipsStore);
}

/** Stores the weights of each file; ends with the first that is refused. */
export async function importLpips(files: readonly File[]): Promise<Outcome<void>> {
  let outcome: Outcome<void> = { ok: true, value: undefined };
  for (const file of files) {
    const imported = await evaluation.importLpips(file);
    if (!imported.ok) {
      outcome = imported;
      break;
    }
  }
  await refreshLpips();
  return outcome;
}

export async function deleteLpips(network: LpipsNetwork): Promise<Outcome<void>> {
  const outcome = await evaluation.deleteLpips(network);
  await refreshLpips();
  return outcome;
}
