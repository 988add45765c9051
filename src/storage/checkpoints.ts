import type { FilmChange } from "@/contracts/film";
import type { RunRecord } from "@/contracts/run";
import type { StepChunk } from "@/contracts/training";
import { writeCurve } from "./curves";
import { type CheckpointRecord, openDatabase, type PreviewRecord, type TraceRecord } from "./database";
import { writeFilm } from "./films";
import { putPreview } from "./previews";
import { addRun, patchRun, type RunPatch } from "./runs";
import { writeRun } from "./runTransaction";

/** What belongs to one moment of a run and is written together or not at all. */
export interface RunSnapshot {
  readonly checkpoint: CheckpointRecord;
  readonly run: RunPatch;
  /** The steps since the last checkpoint; null when there were none. */
  readonly curve: StepChunk | null;
  /** The last one since the last checkpoint, in place of the one before; null when there was none. */
  readonly preview: PreviewRecord | null;
  /** How the film has changed since the last checkpoint; null when it has not. */
  readonly film: FilmChange | null;
  /** The trace as far as recorded; null when it has not changed. */
  readonly trace: TraceRecord | null;
}

/** Stores a new run with the checkpoint of its initial weights, in one transaction. Fails with `run/exists`. */
export function createRunWithCheckpoint(run: RunRecord, checkpoint: CheckpointRecord): Promise<void> {
  return writeRun(async (transaction) => {
    await addRun(transaction, run);
    await transaction.objectStore("checkpoints").put(checkpoint);
  });
}

/**
 * Writes the checkpoint, the run record, the new piece of the curve, preview, film and trace in one transaction: after a
 * crash all are of the same step. Fails with `run/missing` when the run was deleted, leaving nothing behind.
 */
export function saveSnapshot(snapshot: RunSnapshot): Promise<void> {
  const { runId, step } = snapshot.checkpoint;
  return writeRun(async (transaction) => {
    await patchRun(transaction, runId, { ...snapshot.run, step, checkpointStep: step });
    await transaction.objectStore("checkpoints").put(snapshot.checkpoint);
    if (snapshot.curve) await writeCurve(transaction, runId, snapshot.curve);
    if (snapshot.preview) await putPreview(transaction, snapshot.preview);
    if (snapshot.film) await writeFilm(transaction, runId, snapshot.film);
    if (snapshot.trace) await transaction.objectStore("traces").put(snapshot.trace);
  });
}

/** The last checkpoint of a run, or null when it has none (finished, imported). */
export async function getCheckpoint(runId: string): Promise<CheckpointRecord | null> {
  return (await (await openDatabase()).get("checkpoints", runId)) ?? null;
}

/** Ends a run: writes its last fields and drops the checkpoint, from which nothing will continue. Fails with `run/missing`. */
export function finishRun(runId: string, patch: RunPatch): Promise<void> {
  return writeRun(async (transaction) => {
    await patchRun(transaction, runId, patch);
    await transaction.objectStore("checkpoints").delete(runId);
  });
}
