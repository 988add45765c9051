import { LabError } from "@/contracts/failure";
import type { ModelRecord, ModelSummary } from "@/contracts/run";
import { openDatabase } from "./database";

/** Longest name that a list still shows whole. */
const MAX_NAME_LENGTH = 200;

function noSuchModel(id: string): LabError {
  return new LabError(
    "storage/missing",
    `There is no model ${id}.`,
    "It may have been deleted in another tab; reload the list.",
  );
}

/** A model without its weights, for lists. */
export function summarizeModel(record: ModelRecord): ModelSummary {
  const { bytes, ...rest } = record;
  return { ...rest, byteLength: bytes.byteLength };
}

/** All models, newest first. Reads one record at a time, so that only one model's weights are in memory. */
export async function listModels(): Promise<ModelSummary[]> {
  const database = await openDatabase();
  const summaries: ModelSummary[] = [];
  let cursor = await database.transaction("models").store.openCursor();
  while (cursor) {
    summaries.push(summarizeModel(cursor.value));
    cursor = await cursor.continue();
  }
  return summaries.sort((a, b) => b.createdAt - a.createdAt || a.name.localeCompare(b.name));
}

/** A model with its weights. Fails with `storage/missing`. */
export async function getModel(id: string): Promise<ModelRecord> {
  const record = await (await openDatabase()).get("models", id);
  if (!record) throw noSuchModel(id);
  return record;
}

/**
 * Which weights a model has: another text after they were replaced under the same id. Reads no weights. Fails with
 * `storage/missing`.
 */
export async function modelVersion(id: string): Promise<string> {
  const index = (await openDatabase()).transaction("models").store.index("byIdAndTime");
  // An array sorts after every number.
  const cursor = await index.openKeyCursor(IDBKeyRange.bound([id], [id, []]));
  if (!cursor) throw noSuchModel(id);
  return String(cursor.key[1]);
}

/** The models of a run (its best and last weights), with their weights. */
export async function modelsOfRun(runId: string): Promise<ModelRecord[]> {
  return (await openDatabase()).getAllFromIndex("models", "byRun", runId);
}

/** Their ids alone, without reading weights. */
export async function modelIdsOfRun(runId: string): Promise<string[]> {
  return (await openDatabase()).getAllKeysFromIndex("models", "byRun", runId);
}

/** Stores a model, replacing one with the same id. */
export async function putModel(record: ModelRecord): Promise<void> {
  await (await openDatabase()).put("models", record);
}

/** Deletes a model; deleting one that is gone is no error. */
export async function deleteModel(id: string): Promise<void> {
  await (await openDatabase()).delete("models", id);
}

/** Gives a model another name. Fails with `storage/name` (empty) and `storage/missing`. */
export async function renameModel(id: string, name: string): Promise<void> {
  const trimmed = name.trim().slice(0, MAX_NAME_LENGTH);
  if (trimmed === "")
    throw new LabError("storage/name", "A model needs a name.", "Type at least one character.");
  const transaction = (await openDatabase()).transaction("models", "readwrite");
  const record = await transaction.store.get(id);
  if (record) await transaction.store.put({ ...record, name: trimmed });
  await transaction.done;
  if (!record) throw noSuchModel(id);
}
