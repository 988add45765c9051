import type { FilmChange } from "@/contracts/film";
import type { OptimizerState, StateDict } from "@/contracts/tensors";
import type { EpochRecord, PreviewStrip, ReplicaStatus, StepChunk } from "@/contracts/training";
import type { TraceData } from "./trace";

/** The lowest validation loss so far and the weights that had it. */
export interface BestWeights {
  readonly epoch: number;
  readonly validationLoss: number;
  readonly weights: StateDict;
}

/** Everything that decides how a run goes on; with the same engine, continuing from it gives the same numbers. */
export interface TrainingState {
  /** Optimiser steps done in all. */
  readonly step: number;
  /** Epoch in progress (1-based) and steps done in it; all its steps done: its validation is due. */
  readonly epoch: number;
  readonly stepInEpoch: number;
  /** Sum of the batch losses of the epoch in progress. */
  readonly epochLossSum: number;
  readonly weights: StateDict;
  /** Empty at step 0: Adam starts from zeros. */
  readonly optimizer: OptimizerState;
  readonly best: BestWeights | null;
  readonly epochsWithoutImprovement: number;
  /** Wall seconds so far: the steps, and the validations. */
  readonly trainSeconds: number;
  readonly validationSeconds: number;
  /** What each replica has done, and its part of a step's images; absent in runs of one replica. */
  readonly replicas?: readonly ReplicaStatus[];
}

/** What one checkpoint writes, all of the same step. */
export interface Snapshot {
  readonly state: TrainingState;
  readonly epochs: readonly EpochRecord[];
  /** Steps since the last checkpoint; null when there were none. */
  readonly curve: StepChunk | null;
  /** The last preview since the last checkpoint; null when there was none. */
  readonly preview: PreviewStrip | null;
  /** How the film has changed since the last checkpoint; null when it has not. */
  readonly film: FilmChange | null;
  /** The trace as far as recorded; null when it has not changed. */
  readonly trace: TraceData | null;
  readonly paused: boolean;
}

/** Where checkpoints go. `save` writes all or nothing. */
export interface CheckpointSink {
  save(snapshot: Snapshot): Promise<void>;
  /** The run goes on after a pause. */
  continued(): Promise<void>;
}

/** The state before the first step. */
export function initialState(weights: StateDict): TrainingState {
  return {
    step: 0,
    epoch: 1,
    stepInEpoch: 0,
    epochLossSum: 0,
    weights,
    optimizer: { step: 0, firstMoments: new Map(), secondMoments: new Map() },
    best: null,
    epochsWithoutImprovement: 0,
    trainSeconds: 0,
    validationSeconds: 0,
  };
}
