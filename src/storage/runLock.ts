import { LabError } from "@/contracts/failure";

/** How long a starting run waits for its lock: a worker that just ended gives it back a moment later. */
const LOCK_WAIT_MS = 2000;

const lockName = (runId: string): string => `run:${runId}`;

/** The Web Locks of this site, or null where there are none (Node, an insecure page). */
function lockManager(): LockManager | null {
  if (typeof navigator === "undefined" || !("locks" in navigator)) return null;
  return navigator.locks;
}

/** Tells for any run whether some tab is working on it now. Without Web Locks nobody can be known to. */
export async function workedOnNow(): Promise<(runId: string) => boolean> {
  const snapshot = await lockManager()?.query();
  const held = new Set(snapshot?.held?.map(({ name }) => name));
  return (runId) => held.has(lockName(runId));
}

/**
 * Does `work` as the only one who may write this run. Fails with `run/busy` while another tab holds it.
 * Without Web Locks the work is done unguarded.
 */
export async function withRunLock<T>(runId: string, work: () => Promise<T>): Promise<T> {
  const locks = lockManager();
  if (!locks) return work();
  let granted = false;
  try {
    return await locks.request(lockName(runId), { signal: AbortSignal.timeout(LOCK_WAIT_MS) }, () => {
      granted = true;
      return work();
    });
  } catch (error) {
    if (granted) throw error;
    throw new LabError(
      "run/busy",
      "This run is being trained in another tab.",
      "Follow it there, or close that tab and resume the run here.",
      { cause: error },
    );
  }
}
