import { setupOf } from "@/contracts/runConfig";
import type { ReplicaStatus, RunEnvironment, RunResult } from "@/contracts/training";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { countParameters } from "@/model/parameters";
import type { StoredRun } from "./storedRun";

/** What is known about the surroundings of a run that has not written its own result. */
export interface PartialContext {
  readonly environment: RunEnvironment;
  /** Of the data set, where it is still stored. */
  readonly dataset: {
    readonly images: number;
    readonly patients: number;
    readonly synthetic: boolean;
    readonly fingerprint: string;
  } | null;
  /** As the last checkpoint has them, of a run of several; absent: of one, or no checkpoint is left. */
  readonly replicas?: readonly ReplicaStatus[] | undefined;
}

/** A forward and a backward pass cost about three forward passes: backward has two convolutions for each one. */
const TRAINING_PASSES = 3;

/** Value at share `p` of the sorted `values`; NaN for none. */
function percentile(values: Float32Array, p: number): number {
  const sorted = values.slice().sort();
  return sorted.length === 0 ? Number.NaN : (sorted[Math.round(p * (sorted.length - 1))] as number);
}

/** The result of a run that has written none, because it is at work, was cut off or failed: what its records tell so far. */
export function partialResult({ run, curve }: StoredRun, context: PartialContext): RunResult {
  const { config, started, epochs } = run;
  const { size } = config.data;
  const graph = buildGraph(config.model);
  const forwardGflopsPerImage = forwardFlops(graph, size, size) / 1e9;
  const trainSeconds = curve.stepMs.reduce((sum, ms) => sum + ms, 0) / 1000;
  const images = curve.losses.length * config.training.batchSize * setupOf(config).replicas;
  const trainImagesPerSecond = trainSeconds > 0 ? images / trainSeconds : 0;
  const best = epochs.reduce<RunResult["best"]>(
    (found, { epoch, validationLoss }) =>
      found.epoch === 0 || validationLoss < found.validationLoss ? { epoch, validationLoss } : found,
    { epoch: 0, validationLoss: Number.NaN },
  );
  return {
    config,
    environment: context.environment,
    model: { parameters: countParameters(graph), forwardGflopsPerImage },
    dataset: {
      images: context.dataset?.images ?? 0,
      patients: context.dataset?.patients ?? 0,
      train: started?.train ?? 0,
      validation: started?.validation ?? 0,
      test: started?.test ?? 0,
      synthetic: context.dataset?.synthetic ?? config.data.source.startsWith("phantom:"),
      fingerprint: context.dataset?.fingerprint ?? "",
    },
    engine: { name: started?.engine ?? config.engine.name, timingsMs: started?.engineTimingsMs ?? {} },
    timing: {
      trainSeconds,
      validationSeconds: epochs.reduce((sum, epoch) => sum + epoch.validationSeconds, 0),
      trainImagesPerSecond,
      stepMsMedian: percentile(curve.stepMs, 0.5),
      stepMsP95: percentile(curve.stepMs, 0.95),
      achievedGflops: TRAINING_PASSES * forwardGflopsPerImage * trainImagesPerSecond,
    },
    memory: { deviceBytesPeak: Number.NaN },
    epochs,
    best,
    test: null,
    replicas: context.replicas?.map(({ share: _, ...replica }) => replica) ?? [],
    recoveries: run.recoveries,
    complete: false,
  };
}
