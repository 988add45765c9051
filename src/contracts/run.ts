import type { Failure } from "./failure";
import type { Recovery } from "./recovery";
import type { ModelConfig, NoiseConfig, RunConfig } from "./runConfig";
import type { EpochRecord, ImageMetrics, RunResult, StartedInfo } from "./training";

export type RunStatus = "running" | "paused" | "interrupted" | "stopped" | "failed" | "done";

/** A run as stored. Only its replica worker writes it while it runs (it holds the Web Lock `run:ID`). */
export interface RunRecord {
  readonly id: string;
  readonly name: string;
  readonly config: RunConfig;
  /** Stored as `running` while it works; a reader that finds it so without the lock held sees `interrupted`. */
  readonly status: RunStatus;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly started: StartedInfo | null;
  readonly epochs: readonly EpochRecord[];
  /** Optimiser steps done, and the step of the last checkpoint (0: none). */
  readonly step: number;
  readonly checkpointStep: number;
  readonly result: RunResult | null;
  readonly perImage: readonly ImageMetrics[] | null;
  readonly failure: Failure | null;
  /** Losses of the graphics device that the run survived, in their order. */
  readonly recoveries: readonly Recovery[];
}

/** A thousand steps of a run's curve. */
export interface CurveChunk {
  readonly runId: string;
  readonly chunk: number;
  readonly firstStep: number;
  readonly losses: Float32Array<ArrayBuffer>;
  readonly stepMs: Float32Array<ArrayBuffer>;
}

/** Weights that can denoise: a run's best or last, or imported. `bytes` is a safetensors file. */
export interface ModelRecord {
  readonly id: string;
  readonly name: string;
  readonly runId: string | null;
  readonly kind: "best" | "last" | "imported";
  readonly model: ModelConfig;
  /** The noise it was trained for, if known. */
  readonly noise: NoiseConfig | null;
  readonly createdAt: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
export type ModelSummary = Omit<ModelRecord, "bytes"> & { readonly byteLength: number };
