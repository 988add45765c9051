import { toFailure } from "@/contracts/failure";
import type { RunRecord } from "@/contracts/run";
import type { RunResult, StartedInfo } from "@/contracts/training";
import type { Executor } from "@/engine/executor";
import { finishRun, getCheckpoint, saveSnapshot } from "@/storage/checkpoints";
import type { CheckpointRecord } from "@/storage/database";
import { getRun, readCurve, updateRun } from "@/storage/runs";
import { assembleResult } from "@/training/result";
import type { CheckpointSink } from "@/training/state";
import type { TraceData } from "@/training/trace";
import { type TrainingOutcome, train } from "@/training/trainer";
import type { RunData } from "./data";
import type { SessionContext } from "./engines";
import { environmentOf } from "./environment";
import { storeModels } from "./models";
import { testBestWeights } from "./testing";

/** A run that is stored and ready to go on from its checkpoint. */
export interface Work {
  readonly run: RunRecord;
  readonly started: StartedInfo;
  readonly checkpoint: CheckpointRecord;
  readonly trace: TraceData | null;
  readonly data: RunData;
  /** Made with the checkpoint's weights. */
  readonly executor: Executor;
}

/** Trains, stores the models, tests, stores the result; `finished` is the last event. A failure is stored and thrown. */
export async function carryOut(work: Work, context: SessionContext): Promise<void> {
  const { run, started, data, executor } = work;
  const { events, control, now } = context;
  const { config } = run;
  events.emit({ type: "started", started });
  events.flush();
  try {
    const outcome = await train({
      config,
      reader: data.reader,
      split: data.split,
      executor,
      from: work.checkpoint,
      epochs: run.epochs,
      trace: work.trace,
      sink: sinkOf(work),
      events,
      control,
      now,
    });
    const { best, last, step } = outcome;
    await storeModels(run, { best, last: { step, weights: last } });
    const stopped = outcome.ended === "stopped";
    const tested = await testBestWeights({
      config,
      data,
      executor,
      weights: best.weights,
      stopped,
      control,
      events,
    });
    const result = await resultOf(work, outcome, { test: tested?.test ?? null, complete: !stopped });
    const perImage = tested?.perImage ?? null;
    if (stopped) await updateRun(run.id, { status: "stopped", result, perImage });
    else await finishRun(run.id, { status: "done", result, perImage });
    events.emit({ type: "phase", phase: stopped ? "stopped" : "done" });
    events.emit({ type: "finished", result });
    events.flush();
  } catch (error) {
    await storeFailure(work, error);
    throw error;
  }
}

/** Writes every snapshot of the run in one transaction. */
function sinkOf({ run, checkpoint: { engine } }: Work): CheckpointSink {
  return {
    save: ({ state, epochs, curve, previews, trace, paused }) =>
      saveSnapshot({
        checkpoint: { runId: run.id, engine, ...state },
        run: { status: paused ? "paused" : "running", epochs },
        curve,
        previews: previews.map((preview) => ({ runId: run.id, ...preview })),
        trace: trace && { runId: run.id, ...trace },
      }),
    continued: () => updateRun(run.id, { status: "running" }),
  };
}

async function resultOf(
  { run, started, data, executor }: Work,
  numbers: Pick<TrainingOutcome, "step" | "trainSeconds" | "validationSeconds" | "epochs"> & {
    readonly best: RunResult["best"] | null;
  },
  { test, complete }: Pick<RunResult, "test" | "complete">,
): Promise<RunResult> {
  const { step, trainSeconds, validationSeconds, epochs, best } = numbers;
  return assembleResult({
    config: run.config,
    started,
    environment: await environmentOf(executor.info),
    dataset: data.summary,
    stepMs: (await readCurve(run.id)).stepMs,
    step,
    trainSeconds,
    validationSeconds,
    epochs,
    best: best && { epoch: best.epoch, validationLoss: best.validationLoss },
    test,
    deviceBytesPeak: executor.memory().peakBytes,
    complete,
  });
}

/** The run as its last checkpoint has it, with what went wrong; its weights so far become models. */
async function storeFailure(work: Work, error: unknown): Promise<void> {
  const { id } = work.run;
  try {
    await updateRun(id, { status: "failed", failure: toFailure(error) });
    const checkpoint = await getCheckpoint(id);
    if (!checkpoint) return;
    const { epochs } = await getRun(id);
    const result = await resultOf(work, { ...checkpoint, epochs }, { test: null, complete: false });
    await updateRun(id, { result });
    if (checkpoint.step > 0) await storeModels(work.run, { best: checkpoint.best, last: checkpoint });
  } catch (second) {
    // The run was deleted, or the disk is full: the first failure is the one to report.
    console.warn(second);
  }
}
