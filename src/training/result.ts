import type { RunConfig } from "@/contracts/runConfig";
import type {
  EpochRecord,
  ReplicaStatus,
  RunEnvironment,
  RunResult,
  StartedInfo,
} from "@/contracts/training";
import { planRun } from "./plan";

/** A training step is a forward pass and a backward pass of about twice its cost. */
const STEP_FORWARDS = 3;

export interface ResultParts {
  readonly config: RunConfig;
  readonly started: StartedInfo;
  readonly environment: RunEnvironment;
  readonly dataset: RunResult["dataset"];
  /** Wall milliseconds of every step. */
  readonly stepMs: Float32Array;
  readonly step: number;
  readonly trainSeconds: number;
  readonly validationSeconds: number;
  readonly epochs: readonly EpochRecord[];
  /** Null when nothing was validated: reported as epoch 0. */
  readonly best: RunResult["best"] | null;
  readonly test: RunResult["test"];
  readonly deviceBytesPeak: number;
  /** Absent for a run of one replica. */
  readonly replicas?: readonly ReplicaStatus[] | undefined;
  readonly recoveries: RunResult["recoveries"];
  readonly complete: boolean;
}

/** Value at share `p` of the values in order; 0 for none. */
function percentile(values: Float32Array, p: number): number {
  return values.toSorted()[Math.round(p * (values.length - 1))] ?? 0;
}

/**
 * The result of a run. Rates count training steps alone (waiting for data included; validation, previews
 * and checkpoints not).
 */
export function assembleResult(parts: ResultParts): RunResult {
  const { config, started, stepMs, trainSeconds } = parts;
  const images = planRun(config, started.train).imagesIn(parts.step);
  const trainImagesPerSecond = trainSeconds > 0 ? images / trainSeconds : 0;
  return {
    config,
    environment: parts.environment,
    model: { parameters: started.parameters, forwardGflopsPerImage: started.forwardGflopsPerImage },
    dataset: parts.dataset,
    engine: { name: started.engine, timingsMs: started.engineTimingsMs },
    timing: {
      trainSeconds,
      validationSeconds: parts.validationSeconds,
      trainImagesPerSecond,
      stepMsMedian: percentile(stepMs, 0.5),
      stepMsP95: percentile(stepMs, 0.95),
      achievedGflops: STEP_FORWARDS * started.forwardGflopsPerImage * trainImagesPerSecond,
    },
    memory: { deviceBytesPeak: parts.deviceBytesPeak },
    epochs: parts.epochs,
    best: parts.best ?? { epoch: 0, validationLoss: Number.NaN },
    test: parts.test,
    replicas: parts.replicas?.map(({ share: _, ...replica }) => replica) ?? [
      {
        adapter: started.adapter?.description || started.adapter?.device || started.engine,
        shared: false,
        images,
        computeMs: trainSeconds * 1000,
        exchangeMs: 0,
      },
    ],
    recoveries: parts.recoveries,
    complete: parts.complete,
  };
}
