import { LabError } from "@/contracts/failure";

/** Long enough for a worker that just ended to give its lock back. */
const LOCK_WAIT_MS = 2000;

/**
 * Does `work` as the only one who may write this dataset. Fails with `data/busy` while another tab imports into it.
 * Without Web Locks (Node) the work is done unguarded.
 */
export async function withDatasetLock<T>(datasetId: string, work: () => Promise<T>): Promise<T> {
  if (typeof navigator === "undefined" || !("locks" in navigator)) return work();
  let granted = false;
  try {
    return await navigator.locks.request(
      `dataset:${datasetId}`,
      { signal: AbortSignal.timeout(LOCK_WAIT_MS) },
      () => {
        granted = true;
        return work();
      },
    );
  } catch (error) {
    if (granted) throw error;
    throw new LabError(
      "data/busy",
      "Images are being imported into this dataset in another tab.",
      "Wait until that import ends, or cancel it there.",
      { cause: error },
    );
  }
}
