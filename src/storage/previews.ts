import { rangeOfRun } from "./curves";
import { openDatabase, type PreviewRecord } from "./database";
import type { RunTransaction } from "./runTransaction";

/** The last preview of a run, at full size; its film keeps smaller ones of other moments. Null when there is none. */
export async function getPreview(runId: string): Promise<PreviewRecord | null> {
  // Earlier labs kept those of many epochs.
  const { store } = (await openDatabase()).transaction("previews");
  return (await store.openCursor(rangeOfRun(runId), "prev"))?.value ?? null;
}

/** Stores a run's last preview in place of the one before. */
export async function putPreview(transaction: RunTransaction, preview: PreviewRecord): Promise<void> {
  const store = transaction.objectStore("previews");
  await store.delete(rangeOfRun(preview.runId));
  await store.put(preview);
}
