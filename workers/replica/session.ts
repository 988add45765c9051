import { LabError, toFailure, unwrap } from "@/contracts/failure";
import type { RunRecord } from "@/contracts/run";
import { assertSupported, parseRunConfig, type RunConfig, setupOf } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import type { StartedInfo } from "@/contracts/training";
import type { ReplicaApi } from "@/contracts/workers";
import type { EngineChoice } from "@/engine/chooseEngine";
import type { Executor } from "@/engine/executor";
import { forwardFlops } from "@/model/cost";
import type { Graph } from "@/model/graph";
import { initialWeights } from "@/model/init";
import { countParameters } from "@/model/parameters";
import { checkStateDict, readModelFile } from "@/model/stateDict";
import { createRunWithCheckpoint } from "@/storage/checkpoints";
import type { CheckpointRecord } from "@/storage/database";
import { withRunLock } from "@/storage/runLock";
import { updateRun } from "@/storage/runs";
import type { ReplicaGroup } from "@/training/parallel/group";
import { assertBatchesNormalise, planRun } from "@/training/plan";
import { initialState } from "@/training/state";
import { assertTraceFits } from "@/training/trace";
import { assembleGroup, notesOnReplicas } from "./assembleGroup";
import { executorOf, executorOptions, graphOf, letGo, preparedExecutor, readStoredState } from "./continuing";
import { openRunData, type RunData } from "./data";
import { pickEngine, type SessionContext, tuningOfRun } from "./engines";
import { carryOut } from "./work";

type TrainRequest = Parameters<ReplicaApi["train"]>[0];

/** Creates the run and trains it to its end. Nothing is stored of a run that cannot start. */
export function startSession(request: TrainRequest, context: SessionContext): Promise<void> {
  return withRunLock(request.runId, async () => {
    const { events } = context;
    events.emit({ type: "phase", phase: "preparing" });
    const config = unwrap(parseRunConfig(request.config));
    assertSupported(config);
    assertTraceFits(config.trace, setupOf(config).replicas * config.training.batchSize, config.data.size);
    const graph = graphOf(config);
    const data = await openRunData(config);
    assertBatchesNormalise(config, data.split.train.length);
    const weights = request.initialWeights
      ? weightsFrom(request.initialWeights, graph)
      : initialWeights(graph, config.seed);
    const options = executorOptions(config, weights);
    const choice = await pickEngine(config, options, context);
    context.control.signal.throwIfAborted();
    const tuning = await tuningOfRun(choice.engine, options, config, context);
    const { executor, notes } = await preparedExecutor(choice.engine, { ...options, tuning }, config);
    const state = initialState(weights);
    const started = startedInfo(request.runId, graph, data, executor, choice, config, 0);
    const now = Date.now();
    const run: RunRecord = {
      id: request.runId,
      name: request.name,
      config,
      status: "running",
      createdAt: now,
      updatedAt: now,
      started,
      epochs: [],
      step: 0,
      checkpointStep: 0,
      result: null,
      perImage: null,
      failure: null,
      recoveries: [],
    };
    const checkpoint: CheckpointRecord = { runId: run.id, engine: choice.engine.name, tuning, ...state };
    let group: ReplicaGroup | null = null;
    try {
      group = await assembleGroup({ runId: run.id, config, checkpoint, executor }, context);
      const told = { ...started, notes: [...notes, ...notesOnReplicas(group)] };
      await createRunWithCheckpoint({ ...run, started: told }, checkpoint);
      await carryOut(
        { run, started: told, checkpoint, trace: null, film: [], data, executor, group },
        context,
      );
    } finally {
      group?.close();
      await letGo(executor);
    }
  });
}

/**
 * Continues a stored run from its last checkpoint, on the engine that it was trained on. Failures: `run/missing`,
 * `run/complete`, `data/changed`, `engine/unavailable`.
 */
export function resumeSession(runId: string, context: SessionContext): Promise<void> {
  return withRunLock(runId, async () => {
    context.events.emit({ type: "phase", phase: "preparing" });
    const { run, checkpoint, trace, film } = await readStoredState(runId);
    const { config } = run;
    const graph = graphOf(config);
    const data = await openRunData(config);
    assertSameData(run, data);
    const { engine, executor, notes } = await executorOf(config, checkpoint, context);
    let group: ReplicaGroup | null = null;
    try {
      group = await assembleGroup({ runId, config, checkpoint, executor }, context);
      const timingsMs = run.started?.engineTimingsMs ?? {};
      const choice = { engine, timingsMs };
      const started = {
        ...startedInfo(runId, graph, data, executor, choice, config, checkpoint.step),
        notes: [...notes, ...notesOnReplicas(group)],
      };
      await updateRun(runId, { status: "running", failure: null, result: null, perImage: null, started });
      await carryOut({ run, started, checkpoint, trace, film, data, executor, group }, context);
    } finally {
      group?.close();
      await letGo(executor);
    }
  });
}

/** What the listener hears of a run that failed; the lock is free by then. */
export function tellFailure(error: unknown, { events }: SessionContext): void {
  events.emit({ type: "phase", phase: "failed" });
  events.emit({ type: "failed", failure: toFailure(error), step: events.stepsDone });
  events.flush();
}

function weightsFrom(file: Uint8Array, graph: Graph): StateDict {
  const { weights } = readModelFile(file);
  checkStateDict(graph, weights);
  return weights;
}

function startedInfo(
  runId: string,
  graph: Graph,
  { split }: RunData,
  executor: Executor,
  choice: EngineChoice,
  config: RunConfig,
  firstStep: number,
): Omit<StartedInfo, "notes"> {
  const { size } = config.data;
  const plan = planRun(config, split.train.length);
  return {
    runId,
    engine: choice.engine.name,
    engineTimingsMs: choice.timingsMs,
    adapter: executor.info.adapter,
    parameters: countParameters(graph),
    forwardGflopsPerImage: forwardFlops(graph, size, size) / 1e9,
    train: split.train.length,
    validation: split.validation.length,
    test: split.test.length,
    stepsPerEpoch: plan.stepsPerEpoch,
    totalSteps: plan.totalSteps,
    firstStep,
  };
}

/** A dataset that was imported into since would be split another way: the numbers would not go on as they began. */
function assertSameData({ started }: RunRecord, { split }: RunData): void {
  if (!started) return;
  const counts = ({ train, validation, test }: { train: number; validation: number; test: number }) =>
    `${train} + ${validation} + ${test}`;
  const now = { train: split.train.length, validation: split.validation.length, test: split.test.length };
  if (counts(started) === counts(now)) return;
  throw new LabError(
    "data/changed",
    `The dataset has changed since this run began: ${counts(now)} images instead of ${counts(started)}.`,
    "Start a new run on the dataset as it is now.",
  );
}
