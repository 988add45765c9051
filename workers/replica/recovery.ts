import { LabError } from "@/contracts/failure";
import { placeOfLoss, placeOfReturn, type Recovery } from "@/contracts/recovery";
import type { RunConfig } from "@/contracts/runConfig";
import type { Executor } from "@/engine/executor";
import type { CheckpointRecord } from "@/storage/database";
import { updateRun } from "@/storage/runs";
import { withKeptCheckpoint } from "@/training/failures";
import { executorOf, letGo, readStoredState, type StoredState } from "./continuing";
import type { SessionContext } from "./engines";

/** Losses in a row that no new checkpoint lies between: more is no accident but something that the steps do. */
const MAX_LOSSES_IN_A_ROW = 3;

/**
 * Waited before each try for a new device, about two minutes in all. After a first crash of its GPU process Chromium gives
 * an adapter at once, after a second within two minutes none until they are over (119.7 s measured in Chromium 156).
 */
const PAUSES_MS = [0, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000];

/** What a run is trained with between two losses of the device. */
export interface Attempt extends StoredState {
  /** Made with the checkpoint's weights. */
  readonly executor: Executor;
  /** Losses since the checkpoint was written, and the highest device bytes of the executors that were lost. */
  readonly losses: number;
  readonly lostBytesPeak: number;
}

export function isDeviceLost(error: unknown): error is LabError {
  return error instanceof LabError && error.failure.code === "engine/device-lost";
}

/**
 * Brings a run whose device was lost back to its last checkpoint, on a new device of the same adapter: going on from there
 * gives the numbers of a run that nothing befell. Tells the listener, and notes it in the run. Fails with
 * `engine/device-lost` when no device comes back, or when too many were lost since the checkpoint.
 */
export async function recovered(lost: Attempt, error: LabError, context: SessionContext): Promise<Attempt> {
  const { events } = context;
  const step = events.stepsDone;
  const lostBytesPeak = Math.max(lost.lostBytesPeak, lost.executor.memory().peakBytes);
  await letGo(lost.executor);
  const { run, checkpoint, trace, film } = await readStoredState(lost.run.id);
  const losses = isSamePlace(checkpoint, lost.checkpoint) ? lost.losses + 1 : 1;
  if (losses > MAX_LOSSES_IN_A_ROW) throw lostTooOften(losses, checkpoint.step, error);
  const note = `device lost ${placeOfLoss(step)}, going on ${placeOfReturn(checkpoint.step)}`;
  events.emit({ type: "phase", phase: "recovering", note });
  events.flush();
  const executor = await newExecutor(lost.executor, run.config, checkpoint, context);
  try {
    const recovery: Recovery = {
      step,
      checkpointStep: checkpoint.step,
      reason: error.failure.message,
      atMs: Date.now(),
    };
    const recoveries = [...run.recoveries, recovery];
    await updateRun(run.id, { status: "running", recoveries });
    events.emit({ type: "recovered", recovery });
    events.flush();
    return { run: { ...run, recoveries }, checkpoint, trace, film, executor, losses, lostBytesPeak };
  } catch (failed) {
    await letGo(executor);
    throw failed;
  }
}

function isSamePlace(a: CheckpointRecord, b: CheckpointRecord): boolean {
  return a.epoch === b.epoch && a.stepInEpoch === b.stepInEpoch;
}

/** Tries until a device works, or the patience or a stop ends it. */
async function newExecutor(
  lost: Executor,
  config: RunConfig,
  checkpoint: CheckpointRecord,
  context: SessionContext,
): Promise<Executor> {
  const { control, now, wait } = context;
  const begunMs = now();
  let reason = "";
  for (const pauseMs of PAUSES_MS) {
    await wait(pauseMs, control.signal);
    try {
      return await workingExecutor(lost, config, checkpoint, context);
    } catch (error) {
      reason = error instanceof LabError ? error.failure.message : String(error);
    }
    if (control.stopWanted) break;
  }
  const seconds = Math.round((now() - begunMs) / 1000);
  const failure = new LabError(
    "engine/device-lost",
    `The graphics device was lost, and within ${seconds} s no new one could be had. ${reason}`,
    "Restart the browser.",
  );
  throw withKeptCheckpoint(failure, checkpoint.step);
}

/** An executor that has answered once: a browser may give out a device that is lost already. */
async function workingExecutor(
  lost: Executor,
  config: RunConfig,
  checkpoint: CheckpointRecord,
  context: SessionContext,
): Promise<Executor> {
  const { executor } = await executorOf(config, checkpoint, context);
  try {
    assertSameAdapter(lost, executor);
    await executor.readWeights();
    return executor;
  } catch (error) {
    await letGo(executor);
    throw error;
  }
}

/** Another adapter rounds in another way; browsers fall back to a software one when a GPU crashes too often. */
function assertSameAdapter(
  { info: { adapter: before } }: Executor,
  { info: { adapter: now } }: Executor,
): void {
  if (JSON.stringify(before) === JSON.stringify(now)) return;
  throw new LabError(
    "engine/unavailable",
    `The browser gives another adapter than before: ${now?.description || now?.vendor || "none"}.`,
    "Restart the browser.",
  );
}

function lostTooOften(losses: number, step: number, { failure }: LabError): unknown {
  const error = new LabError(
    "engine/device-lost",
    `The graphics device was lost ${losses} times in a row without a new checkpoint in between. ${failure.message}`,
    "Update the graphics driver and close other programs that use the GPU; a new run with a smaller batch, size or width asks less of it.",
  );
  return withKeptCheckpoint(error, step);
}
