import { LabError } from "@/contracts/failure";
import type { Film } from "@/contracts/film";
import type { ModelRecord, RunRecord } from "@/contracts/run";
import type { StepChunk } from "@/contracts/training";
import { rangeOfRun, writeCurve } from "./curves";
import { openDatabase, type PreviewRecord, type TraceRecord } from "./database";
import { deleteFilm, writeFilm } from "./films";
import { putPreview } from "./previews";
import { workedOnNow } from "./runLock";
import { type RunTransaction, writeRun } from "./runTransaction";

export { readCurve } from "./curves";

/** Longest name that a list still shows whole. */
const MAX_NAME_LENGTH = 200;

/** What may change of a run; its id, config and date of birth do not. */
export type RunPatch = Partial<Omit<RunRecord, "id" | "config" | "createdAt" | "updatedAt">>;

function noSuchRun(runId: string): LabError {
  return new LabError(
    "run/missing",
    `There is no run ${runId}.`,
    "It may have been deleted in another tab; reload the list.",
  );
}

/** A run stored as working on which nobody works was cut off: by a reload, a crash or a closed tab. */
function asSeen(run: RunRecord, isWorkedOn: (runId: string) => boolean): RunRecord {
  const working = run.status === "running" || run.status === "paused";
  return working && !isWorkedOn(run.id) ? { ...run, status: "interrupted" } : run;
}

/** All runs, newest first. A run that was cut off is shown as `interrupted`. */
export async function listRuns(): Promise<RunRecord[]> {
  const isWorkedOn = await workedOnNow();
  const runs = await (await openDatabase()).getAll("runs");
  return runs.map((run) => asSeen(run, isWorkedOn)).sort((a, b) => b.createdAt - a.createdAt);
}

/** One run, its status as in `listRuns`. Fails with `run/missing`. */
export async function getRun(id: string): Promise<RunRecord> {
  const isWorkedOn = await workedOnNow();
  const run = await (await openDatabase()).get("runs", id);
  if (!run) throw noSuchRun(id);
  return asSeen(run, isWorkedOn);
}

/** Stores a new run, with its curve, preview, film, trace and models when it comes from a file: all or nothing. Fails with `run/exists`. */
export function createRun(
  run: RunRecord,
  parts: {
    readonly curve?: StepChunk | null;
    readonly preview?: PreviewRecord;
    readonly film?: Film | null;
    readonly trace?: TraceRecord | null;
    readonly models?: readonly ModelRecord[];
  } = {},
): Promise<void> {
  return writeRun(async (transaction) => {
    await addRun(transaction, run);
    if (parts.curve) await writeCurve(transaction, run.id, parts.curve);
    if (parts.preview) await putPreview(transaction, parts.preview);
    if (parts.film) await writeFilm(transaction, run.id, { ...parts.film, dropped: [] });
    if (parts.trace) await transaction.objectStore("traces").put(parts.trace);
    for (const model of parts.models ?? []) await transaction.objectStore("models").put(model);
  });
}

/** Adds a run record within the caller's transaction. Fails with `run/exists`. */
export async function addRun(transaction: RunTransaction, run: RunRecord): Promise<void> {
  const runs = transaction.objectStore("runs");
  if ((await runs.getKey(run.id)) !== undefined)
    throw new LabError("run/exists", `A run ${run.id} is stored already.`, "Delete it first, or resume it.");
  await runs.put(run);
}

/** Changes fields of a run within the caller's transaction. Fails with `run/missing`. */
export async function patchRun(transaction: RunTransaction, id: string, patch: RunPatch): Promise<void> {
  const runs = transaction.objectStore("runs");
  const run = await runs.get(id);
  if (!run) throw noSuchRun(id);
  await runs.put({ ...run, ...patch, updatedAt: Date.now() });
}

/** Changes fields of a run. Fails with `run/missing`. */
export function updateRun(id: string, patch: RunPatch): Promise<void> {
  return writeRun((transaction) => patchRun(transaction, id, patch));
}

/** Gives a run another name. Fails with `storage/name` (empty) and `run/missing`. */
export async function renameRun(id: string, name: string): Promise<void> {
  const trimmed = name.trim().slice(0, MAX_NAME_LENGTH);
  if (trimmed === "")
    throw new LabError("storage/name", "A run needs a name.", "Type at least one character.");
  await updateRun(id, { name: trimmed });
}

/**
 * Deletes a run with its curve, checkpoint, preview, film, trace and models; one that is gone is no error.
 * Fails with `run/busy` while it is being trained.
 */
export async function deleteRun(id: string): Promise<void> {
  if ((await workedOnNow())(id))
    throw new LabError("run/busy", "This run is being trained.", "Stop it first, then delete it.");
  await writeRun(async (transaction) => {
    const models = transaction.objectStore("models");
    for (const modelId of await models.index("byRun").getAllKeys(id)) await models.delete(modelId);
    await transaction.objectStore("runs").delete(id);
    await transaction.objectStore("curves").delete(rangeOfRun(id));
    await transaction.objectStore("checkpoints").delete(id);
    await transaction.objectStore("previews").delete(rangeOfRun(id));
    await deleteFilm(transaction, id);
    await transaction.objectStore("traces").delete(id);
  });
}

/** The first steps as recorded for replay, or null when the run has no trace. */
export async function getTrace(runId: string): Promise<TraceRecord | null> {
  return (await (await openDatabase()).get("traces", runId)) ?? null;
}
