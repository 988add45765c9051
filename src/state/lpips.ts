import { useEffect } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import * as evaluation from "@/bridge/evaluation";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";
import type { LpipsNetwork, LpipsWeightsSummary } from "@/contracts/lpips";
import { listLpipsWeights } from "@/storage/lpips";
import { refreshRuns } from "./runs";

export interface LpipsState {
  readonly status: "loading" | "ready" | "failed";
  readonly weights: readonly LpipsWeightsSummary[];
  readonly failure: Failure | null;
  /** The run whose LPIPS is being measured, one at a time. */
  readonly measuring: { readonly runId: string; readonly imagesDone: number; readonly images: number } | null;
}

export const lpipsStore = createStore<LpipsState>(() => ({
  status: "loading",
  weights: [],
  failure: null,
  measuring: null,
}));

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

/** Stores the weights in these files, of which two may belong together; all or nothing. */
export async function importLpips(files: readonly File[]): Promise<Outcome<void>> {
  const imported = await evaluation.importLpips(files);
  await refreshLpips();
  return imported.ok ? { ok: true, value: undefined } : imported;
}

export async function deleteLpips(network: LpipsNetwork): Promise<Outcome<void>> {
  const outcome = await evaluation.deleteLpips(network);
  await refreshLpips();
  return outcome;
}

/** Adds LPIPS to the test of a stored run. Fails with `run/busy` while another is measured. */
export async function measureLpips(runId: string): Promise<Outcome<void>> {
  if (lpipsStore.getState().measuring)
    return {
      ok: false,
      failure: {
        code: "run/busy",
        message: "LPIPS of another run is being measured.",
        remedy: "Wait for its end, or cancel it.",
      },
    };
  lpipsStore.setState({ measuring: { runId, imagesDone: 0, images: 0 } });
  const outcome = await evaluation.measureLpips(runId, (progress) => {
    // What arrives after the end is late news.
    if (lpipsStore.getState().measuring) lpipsStore.setState({ measuring: { runId, ...progress } });
  });
  lpipsStore.setState({ measuring: null });
  await refreshRuns();
  return outcome;
}

/** Ends the measuring after the images at work. */
export const cancelLpips = (): Promise<void> => evaluation.cancel();
