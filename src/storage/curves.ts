import type { CurveChunk } from "@/contracts/run";
import type { StepChunk } from "@/contracts/training";
import { openDatabase } from "./database";
import type { RunTransaction } from "./runTransaction";

/** Steps in one stored record of a curve. */
export const STEPS_PER_CHUNK = 1000;

/** Every key of one run in a store keyed by [runId, number]. */
export function rangeOfRun(runId: string, from = 0): IDBKeyRange {
  return IDBKeyRange.bound([runId, from], [runId, Number.POSITIVE_INFINITY]);
}

/** The curve of a run: loss and wall milliseconds of each step, the first at index 0. */
export async function readCurve(runId: string): Promise<{
  losses: Float32Array<ArrayBuffer>;
  stepMs: Float32Array<ArrayBuffer>;
}> {
  const chunks = await (await openDatabase()).getAll("curves", rangeOfRun(runId));
  const steps = chunks.reduce((sum, chunk) => sum + chunk.losses.length, 0);
  const losses = new Float32Array(steps);
  const stepMs = new Float32Array(steps);
  for (const chunk of chunks) {
    losses.set(chunk.losses, chunk.firstStep - 1);
    stepMs.set(chunk.stepMs, chunk.firstStep - 1);
  }
  return { losses, stepMs };
}

/**
 * Writes `steps` to a run's curve within the caller's transaction. Whatever was stored from `steps.firstStep` on is
 * replaced, so that a run continued from an older checkpoint overwrites what the crash left.
 */
export async function writeCurve(
  transaction: RunTransaction,
  runId: string,
  steps: StepChunk,
): Promise<void> {
  const store = transaction.objectStore("curves");
  const firstChunk = Math.floor((steps.firstStep - 1) / STEPS_PER_CHUNK);
  const kept = await store.get([runId, firstChunk]);
  await store.delete(rangeOfRun(runId, firstChunk));
  const keptLength = steps.firstStep - 1 - firstChunk * STEPS_PER_CHUNK;
  const join = (key: "losses" | "stepMs"): Float32Array<ArrayBuffer> => {
    const joined = new Float32Array(keptLength + steps[key].length);
    if (kept) joined.set(kept[key].subarray(0, keptLength));
    joined.set(steps[key], keptLength);
    return joined;
  };
  const losses = join("losses");
  const stepMs = join("stepMs");
  for (let start = 0; start < losses.length; start += STEPS_PER_CHUNK) {
    const chunk = firstChunk + start / STEPS_PER_CHUNK;
    const record: CurveChunk = {
      runId,
      chunk,
      firstStep: chunk * STEPS_PER_CHUNK + 1,
      losses: losses.slice(start, start + STEPS_PER_CHUNK),
      stepMs: stepMs.slice(start, start + STEPS_PER_CHUNK),
    };
    await store.put(record);
  }
}
