import type { IDBPTransaction } from "idb";
import { LabError } from "@/contracts/failure";
import { type LabSchema, openDatabase } from "./database";

/** Every store with records of a run: they change together. */
const RUN_STORES = [
  "runs",
  "curves",
  "checkpoints",
  "previews",
  "films",
  "filmFrames",
  "traces",
  "models",
] as const;
export type RunTransaction = IDBPTransaction<LabSchema, (typeof RUN_STORES)[number][], "readwrite">;

/**
 * Does `work` in one transaction over all stores of a run: everything it writes is kept, or nothing is. `work` may await
 * only the transaction's own requests.
 */
export async function writeRun<T>(work: (transaction: RunTransaction) => Promise<T>): Promise<T> {
  const transaction: RunTransaction = (await openDatabase()).transaction([...RUN_STORES], "readwrite");
  const working = work(transaction).catch((error: unknown) => {
    abort(transaction);
    throw error;
  });
  try {
    const [value] = await Promise.all([working, transaction.done]);
    return value;
  } catch (error) {
    await transaction.done.catch(() => undefined);
    // A request of an aborted transaction only says "aborted"; the transaction knows why (a full disk, say).
    throw error instanceof LabError ? error : (transaction.error ?? error);
  }
}

function abort(transaction: RunTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It has ended already, by the error that brought us here.
  }
}
