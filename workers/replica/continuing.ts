import { LabError } from "@/contracts/failure";
import type { FilmMoment } from "@/contracts/film";
import type { RunRecord } from "@/contracts/run";
import { isSynchronised, type RunConfig } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import type { Engine, Executor, ExecutorOptions } from "@/engine/executor";
import { buildGraph } from "@/model/build";
import type { Graph } from "@/model/graph";
import { inferShapes } from "@/model/shapes";
import { getCheckpoint } from "@/storage/checkpoints";
import type { CheckpointRecord } from "@/storage/database";
import { listFilmMoments } from "@/storage/films";
import { getRun, getTrace } from "@/storage/runs";
import type { TraceData } from "@/training/trace";
import { engineToContinueOn, type SessionContext } from "./engines";

/** A stored run at its last checkpoint: record, weights, film and trace are of the same step. */
export interface StoredState {
  readonly run: RunRecord;
  readonly checkpoint: CheckpointRecord;
  readonly trace: TraceData | null;
  readonly film: readonly FilmMoment[];
}

/** Reads what a run goes on from. Failures: `run/missing`, `run/complete`. */
export async function readStoredState(runId: string): Promise<StoredState> {
  const run = await getRun(runId);
  const checkpoint = await getCheckpoint(runId);
  if (!checkpoint)
    throw new LabError(
      "run/complete",
      `Run ${run.name} has no checkpoint to continue from: it is ${run.status}.`,
      "Start a new run from its weights.",
    );
  return { run, checkpoint, trace: await getTrace(runId), film: await listFilmMoments(runId) };
}

/** The network of a config, its shapes checked. Throws `shape/…`. */
export function graphOf(config: RunConfig): Graph {
  const graph = buildGraph(config.model);
  inferShapes(graph, config.data.size, config.data.size);
  return graph;
}

export function executorOptions(config: RunConfig, weights: StateDict): ExecutorOptions {
  const { size } = config.data;
  const { loss, beta1, beta2, epsilon } = config.training;
  return {
    graph: graphOf(config),
    weights,
    height: size,
    width: size,
    loss,
    precision: config.engine.precision,
    adam: { beta1, beta2, epsilon },
  };
}

/** An executor with the checkpoint's weights, on the engine it was written on. Fails with `engine/unavailable`. */
export async function executorOf(
  config: RunConfig,
  checkpoint: CheckpointRecord,
  context: SessionContext,
): Promise<{ readonly engine: Engine } & PreparedExecutor> {
  const engine = await engineToContinueOn(checkpoint.engine, context);
  const options = executorOptions(config, checkpoint.weights);
  // The run's own choices of kernels, whatever was tuned since: others would sum in another order.
  return {
    engine,
    ...(await preparedExecutor(engine, { ...options, tuning: checkpoint.tuning ?? {} }, config)),
  };
}

export interface PreparedExecutor {
  readonly executor: Executor;
  /** What the user should know about how steps are computed here, a sentence each. */
  readonly notes: readonly string[];
}

/** An executor that has allocated and compiled for the run's batches, where its engine can do so before the first step. */
export async function preparedExecutor(
  engine: Engine,
  options: ExecutorOptions,
  config: RunConfig,
): Promise<PreparedExecutor> {
  const executor = await engine.create(options);
  try {
    return {
      executor,
      notes: (await executor.prepare?.(config.training.batchSize, isSynchronised(config))) ?? [],
    };
  } catch (error) {
    await letGo(executor);
    throw error;
  }
}

/** After a lost device there is nothing left to free: that must not hide what was lost. */
export async function letGo(executor: Executor): Promise<void> {
  try {
    await executor.dispose();
  } catch (error) {
    console.warn(error);
  }
}
