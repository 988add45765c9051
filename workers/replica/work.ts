import { toFailure } from "@/contracts/failure";
import type { ReplicaStatus, RunResult, StartedInfo } from "@/contracts/training";
import type { Executor } from "@/engine/executor";
import { finishRun, getCheckpoint, saveSnapshot } from "@/storage/checkpoints";
import { getRun, readCurve, updateRun } from "@/storage/runs";
import type { PairMaker } from "@/training/batches";
import { flatLayout } from "@/training/parallel/flat";
import type { ReplicaGroup } from "@/training/parallel/group";
import { GroupStepper } from "@/training/parallel/groupStepper";
import { leastImages } from "@/training/plan";
import { assembleResult } from "@/training/result";
import type { CheckpointSink } from "@/training/state";
import type { Stepper } from "@/training/stepper";
import { type TrainingOutcome, train } from "@/training/trainer";
import { graphOf, letGo, type StoredState } from "./continuing";
import type { RunData } from "./data";
import type { SessionContext } from "./engines";
import { environmentOf } from "./environment";
import { storeModels } from "./models";
import { type Attempt, isDeviceLost, recovered } from "./recovery";
import { testBestWeights } from "./testing";

/** A run that is stored and ready to go on from its checkpoint. */
export interface Work extends StoredState {
  readonly started: StartedInfo;
  readonly data: RunData;
  /** Made with the checkpoint's weights. Stays the caller's: it is not disposed here. */
  readonly executor: Executor;
  /** All replicas of a run with several; the caller lets them go. */
  readonly group: ReplicaGroup | null;
}

/** What stays the same however often the device is lost. */
type Frame = Pick<Work, "started" | "data" | "group">;

/**
 * Trains, stores the models, tests, stores the result; `finished` is the last event. When the device is lost, the run goes
 * on from its last checkpoint on a new one. Any other failure is stored and thrown.
 */
export async function carryOut(work: Work, context: SessionContext): Promise<void> {
  const { events } = context;
  events.emit({ type: "started", started: work.started });
  events.flush();
  let attempt: Attempt = { ...work, losses: 0, lostBytesPeak: 0 };
  try {
    for (;;) {
      try {
        await trainAndTest(attempt, work, context);
        return;
      } catch (error) {
        if (!isDeviceLost(error)) throw error;
        attempt = await recovered(attempt, error, context);
      }
    }
  } catch (error) {
    await storeFailure(attempt, work, error);
    throw error;
  } finally {
    if (attempt.executor !== work.executor) await letGo(attempt.executor);
  }
}

async function trainAndTest(attempt: Attempt, frame: Frame, context: SessionContext): Promise<void> {
  const { run, executor } = attempt;
  const { data } = frame;
  const { events, control, now } = context;
  const { config } = run;
  const outcome = await train({
    ...(frame.group && { stepperOf: stepperOf(frame.group, attempt, frame, now) }),
    config,
    reader: data.reader,
    split: data.split,
    executor,
    from: attempt.checkpoint,
    epochs: run.epochs,
    trace: attempt.trace,
    film: attempt.film,
    sink: sinkOf(attempt),
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
  const replicas = frame.group?.status();
  const result = await resultOf(
    attempt,
    frame,
    { ...outcome, replicas },
    { test: tested?.test ?? null, complete: !stopped },
  );
  const perImage = tested?.perImage ?? null;
  if (stopped) await updateRun(run.id, { status: "stopped", result, perImage });
  else await finishRun(run.id, { status: "done", result, perImage });
  events.emit({ type: "phase", phase: stopped ? "stopped" : "done" });
  events.emit({ type: "finished", result });
  events.flush();
}

/** Steps by all replicas, from the attempt's checkpoint on. */
function stepperOf(
  group: ReplicaGroup,
  { run: { config }, checkpoint, executor }: Attempt,
  { data }: Frame,
  now: () => number,
): (pairs: PairMaker) => Stepper {
  const { weights, optimizer } = checkpoint;
  group.restore({ weights, optimizer });
  return (pairs) =>
    new GroupStepper({
      group,
      executor,
      layout: flatLayout(graphOf(config)),
      pairs,
      train: data.split.train,
      seed: config.seed,
      noise: config.noise,
      batchSize: config.training.batchSize,
      leastImages: leastImages(config),
      now,
    });
}

/** Writes every snapshot of the run in one transaction. */
function sinkOf({ run, checkpoint: { engine, tuning = {} } }: Attempt): CheckpointSink {
  return {
    save: ({ state, epochs, curve, preview, film, trace, paused }) =>
      saveSnapshot({
        checkpoint: { runId: run.id, engine, tuning, ...state },
        run: { status: paused ? "paused" : "running", epochs },
        curve,
        preview: preview && { runId: run.id, ...preview },
        film,
        trace: trace && { runId: run.id, ...trace },
      }),
    continued: () => updateRun(run.id, { status: "running" }),
  };
}

async function resultOf(
  { run, executor, lostBytesPeak }: Attempt,
  { started, data }: Frame,
  numbers: Pick<TrainingOutcome, "step" | "trainSeconds" | "validationSeconds" | "epochs"> & {
    readonly best: RunResult["best"] | null;
    readonly replicas?: readonly ReplicaStatus[] | undefined;
  },
  { test, complete }: Pick<RunResult, "test" | "complete">,
): Promise<RunResult> {
  const { step, trainSeconds, validationSeconds, epochs, best, replicas } = numbers;
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
    deviceBytesPeak: Math.max(lostBytesPeak, executor.memory().peakBytes),
    replicas,
    recoveries: (await getRun(run.id)).recoveries,
    complete,
  });
}

/** The run as its last checkpoint has it, with what went wrong; its weights so far become models. */
async function storeFailure(attempt: Attempt, frame: Frame, error: unknown): Promise<void> {
  const { id } = attempt.run;
  try {
    await updateRun(id, { status: "failed", failure: toFailure(error) });
    const checkpoint = await getCheckpoint(id);
    if (!checkpoint) return;
    const { epochs } = await getRun(id);
    const result = await resultOf(attempt, frame, { ...checkpoint, epochs }, { test: null, complete: false });
    await updateRun(id, { result });
    if (checkpoint.step > 0) await storeModels(attempt.run, { best: checkpoint.best, last: checkpoint });
  } catch (second) {
    // The run was deleted, or the disk is full: the first failure is the one to report.
    console.warn(second);
  }
}
