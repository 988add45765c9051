import { useEffect } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import * as evaluation from "@/bridge/evaluation";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";
import type { RunRecord } from "@/contracts/run";
import type { PreviewStrip } from "@/contracts/training";
import { getPreview } from "@/storage/previews";
import { listRuns, readCurve } from "@/storage/runs";
import { LossCurve } from "./curve";
import { refreshModels } from "./models";

export interface RunsState {
  readonly status: "loading" | "ready" | "failed";
  /** Newest first. */
  readonly runs: readonly RunRecord[];
  readonly failure: Failure | null;
}

export const runsStore = createStore<RunsState>(() => ({ status: "loading", runs: [], failure: null }));

/** Reads the list of runs again. */
export async function refreshRuns(): Promise<void> {
  try {
    const runs = (await listRuns()).toSorted((a, b) => b.createdAt - a.createdAt);
    runsStore.setState({ status: "ready", runs, failure: null });
  } catch (error) {
    runsStore.setState({ status: "failed", failure: toFailure(error) });
  }
}

/** The runs stored here; read when a screen opens and after each change made in this tab. */
export function useRuns(): RunsState {
  useEffect(() => {
    void refreshRuns();
  }, []);
  return useStore(runsStore);
}

/**
 * True for a run that can go on: no worker is at it, and it has a checkpoint (one of the first weights is stored with
 * the run itself). Imported runs come without: their steps were done elsewhere, and none of them is a checkpoint here.
 */
export function isResumable(run: RunRecord): boolean {
  switch (run.status) {
    case "interrupted":
    case "failed":
    case "paused":
    case "stopped":
      return run.started !== null && run.step === run.checkpointStep;
    case "running":
    case "done":
      return false;
    default:
      return run.status satisfies never;
  }
}

/** Best validation PSNR of a run (dB) and its epoch; null before the first epoch. */
export function bestPsnr(run: RunRecord): { readonly psnrDb: number; readonly epoch: number } | null {
  let best: { psnrDb: number; epoch: number } | null = null;
  for (const { epoch, validationPsnrDb } of run.epochs)
    if (best === null || validationPsnrDb > best.psnrDb) best = { psnrDb: validationPsnrDb, epoch };
  return best;
}

/** The stored losses of a run, ready for a chart. */
export async function loadCurve(runId: string): Promise<Outcome<LossCurve>> {
  try {
    const curve = new LossCurve();
    curve.append(1, (await readCurve(runId)).losses);
    return { ok: true, value: curve };
  } catch (error) {
    return { ok: false, failure: toFailure(error) };
  }
}

/** The last validation pictures of a run; null when none are stored. */
export async function loadPreview(runId: string): Promise<Outcome<PreviewStrip | null>> {
  try {
    return { ok: true, value: await getPreview(runId) };
  } catch (error) {
    return { ok: false, failure: toFailure(error) };
  }
}

async function thenRefresh<T>(outcome: Promise<Outcome<T>>): Promise<Outcome<T>> {
  const done = await outcome;
  await Promise.all([refreshRuns(), refreshModels()]);
  return done;
}

export const renameRun = (id: string, name: string): Promise<Outcome<void>> =>
  thenRefresh(evaluation.renameRun(id, name));
/** Deletes a run with its checkpoint, curves and weights. */
export const deleteRun = (id: string): Promise<Outcome<void>> => thenRefresh(evaluation.deleteRun(id));
/** Stores the run of an exported zip or result folder; its new id. */
export const importRun = (files: readonly File[]): Promise<Outcome<string>> =>
  thenRefresh(evaluation.importRun(files));
/** All files of a run as one zip, its film only on demand. `paths`: content hash → file name, where this session knows it. */
export const exportRun = (
  id: string,
  paths: ReadonlyMap<string, string>,
  film: boolean,
): Promise<Outcome<Blob>> => evaluation.exportRun(id, paths, film);
