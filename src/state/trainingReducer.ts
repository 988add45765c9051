import type { Failure, Outcome } from "@/contracts/failure";
import type { Recovery } from "@/contracts/recovery";
import type { RunConfig } from "@/contracts/runConfig";
import type {
  EpochRecord,
  PreviewStrip,
  ProgressInfo,
  ReplicaStatus,
  RunResult,
  StartedInfo,
  TrainingEvent,
  TrainingPhase,
} from "@/contracts/training";
import type { ImportProgress } from "@/contracts/workers";

/** `rendering`: phantom images are being made before the run itself starts. */
export type LivePhase = TrainingPhase | "rendering";

export interface ActiveRun {
  readonly id: string;
  readonly name: string;
  readonly config: RunConfig;
}

/** The run on the screens. Its losses are in a `LossCurve` beside it; `curveVersion` counts that curve's changes. */
export interface TrainingState {
  readonly run: ActiveRun | null;
  readonly phase: LivePhase | null;
  readonly note: string | null;
  readonly rendering: ImportProgress | null;
  readonly started: StartedInfo | null;
  readonly progress: ProgressInfo | null;
  /** Median of the last steps' wall times. */
  readonly stepMs: number | null;
  readonly epochs: readonly EpochRecord[];
  /** The newest strip, and only that. */
  readonly preview: PreviewStrip | null;
  readonly checkpointStep: number;
  /** Losses of the graphics device that the run survived. */
  readonly recoveries: readonly Recovery[];
  /** What each of several replicas is doing; empty for one. */
  readonly replicas: readonly ReplicaStatus[];
  readonly result: RunResult | null;
  readonly failure: Failure | null;
  /** Set when the run has ended, well or not, and everything of it is stored. */
  readonly ended: Outcome<void> | null;
  /** What the user asked for and the worker has not confirmed yet. */
  readonly asked: "pause" | "continue" | "stop" | null;
  readonly curveVersion: number;
}

export const NO_TRAINING: TrainingState = {
  run: null,
  phase: null,
  note: null,
  rendering: null,
  started: null,
  progress: null,
  stepMs: null,
  epochs: [],
  preview: null,
  checkpointStep: 0,
  recoveries: [],
  replicas: [],
  result: null,
  failure: null,
  ended: null,
  asked: null,
  curveVersion: 0,
};

/** True while a worker is at the run, paused or not. */
export function isLive(phase: LivePhase | null): boolean {
  return phase !== null && phase !== "done" && phase !== "stopped" && phase !== "failed";
}

/** The middle of some wall times (of the upper middle for an even count); null for none. */
export function median(values: Float32Array): number | null {
  return values.length === 0 ? null : (values.toSorted()[values.length >> 1] as number);
}

/** As it was told after that step; how long the rest takes shows with the next one. */
function progressAt(step: number, progress: ProgressInfo): ProgressInfo {
  const epoch = Math.max(1, Math.ceil(step / progress.stepsPerEpoch));
  const stepInEpoch = step - (epoch - 1) * progress.stepsPerEpoch;
  return { ...progress, step, epoch, stepInEpoch, secondsLeft: null };
}

/**
 * What an event of the worker changes. The caller has put a `steps` event's losses into the curve, and taken those out
 * that a `recovered` one withdraws.
 */
export function reduceTraining(state: TrainingState, event: TrainingEvent): TrainingState {
  switch (event.type) {
    case "phase": {
      const settled =
        (state.asked === "pause" && event.phase === "paused") ||
        (state.asked === "continue" && event.phase !== "paused") ||
        // The test set is a phase of its own, which a second stop cuts short.
        (state.asked === "stop" && event.phase === "testing") ||
        !isLive(event.phase);
      return { ...state, phase: event.phase, note: event.note ?? null, asked: settled ? null : state.asked };
    }
    case "started":
      return { ...state, started: event.started };
    case "steps":
      return {
        ...state,
        progress: event.progress,
        stepMs: median(event.steps.stepMs) ?? state.stepMs,
        curveVersion: state.curveVersion + 1,
      };
    case "epoch": {
      // A run continued from a checkpoint may repeat an epoch that was shown already.
      const earlier = state.epochs.filter((record) => record.epoch < event.epoch.epoch);
      return { ...state, epochs: [...earlier, event.epoch] };
    }
    case "replicas":
      return { ...state, replicas: event.replicas };
    case "preview":
      return { ...state, preview: event.preview };
    case "checkpoint":
      return { ...state, checkpointStep: event.step };
    case "recovered": {
      const { checkpointStep } = event.recovery;
      return {
        ...state,
        progress: state.progress && progressAt(checkpointStep, state.progress),
        checkpointStep,
        recoveries: [...state.recoveries, event.recovery],
        curveVersion: state.curveVersion + 1,
      };
    }
    case "finished":
      return { ...state, result: event.result };
    case "failed":
      return { ...state, phase: "failed", failure: event.failure, asked: null };
    default:
      return event satisfies never;
  }
}
