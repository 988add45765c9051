import type { Failure, Outcome } from "./failure";
import type { ModelConfig, RunConfig } from "./runConfig";
import type { AdapterInfo } from "./training";
import type { Listener } from "./workers";

/** What the engine screen asks of the WGSL engine, in a worker of its own (`workers/engine.worker.ts`). */

/** Which plan: the network at one size and number of images. */
export interface PlanRequest {
  readonly model: ModelConfig;
  /** Image side in pixels. */
  readonly size: number;
  readonly images: number;
  readonly precision: RunConfig["engine"]["precision"];
  readonly pass: "training" | "inference";
}

/** One dispatch of a plan: a fused node in one direction. */
export interface PlanNode {
  /** Stage and direction: `conv1.0 forward`. */
  readonly label: string;
  /** Operation and shape: `convForward 16→32 64×64×4`. */
  readonly kernel: string;
  /** How it is computed, where there are several ways. */
  readonly variant: string | null;
  readonly workgroups: readonly [number, number, number];
  /** Useful arithmetic; multiply and add count as two. */
  readonly flops: number;
  /** Least traffic: every input read once, every output written once. */
  readonly bytes: number;
  /** Start within the pass and duration on the device, median of the rounds; null before they were measured. */
  readonly startMs: number | null;
  readonly ms: number | null;
}

export interface PlanReport {
  readonly request: PlanRequest;
  readonly adapter: AdapterInfo;
  readonly features: readonly string[];
  readonly nodes: readonly PlanNode[];
  readonly flops: number;
  readonly bytesMoved: number;
  /**
   * Device bytes of the buffers that tensors share while the plan runs, and of what stays: parameters with gradients and
   * moments, and a little beside them (statistics of BatchNorm, the loss). Together all that the plan holds.
   */
  readonly tensorBytes: number;
  readonly parameterBytes: number;
  /** What the engine has to say about the plan, a sentence each: that a batch is split, for instance. */
  readonly notes: readonly string[];
  /** Wall time of a whole step, median; null before it was measured. */
  readonly stepMs: number | null;
  /** The best matrix product measured on this device; null before it was measured. */
  readonly matmulGflops: number | null;
}

/** One choice of the tuner on one device. */
export interface TuningEntry {
  /** Adapter and driver, as far as the browser tells. */
  readonly device: string;
  /** Operation and shape. */
  readonly kernel: string;
  readonly variant: string;
  readonly ms: number;
  /** The variant that would run untuned, and its time. */
  readonly defaultVariant: string;
  readonly defaultMs: number;
  readonly measuredAtMs: number;
}

export interface TuningProgress {
  readonly done: number;
  readonly total: number;
  readonly kernel: string;
  readonly secondsLeft: number | null;
}

export interface TuningReport {
  readonly entries: readonly TuningEntry[];
  /** Kernels that the time did not suffice for; tuning again goes on with them. */
  readonly left: number;
  readonly seconds: number;
  /** Variants that failed on this device, with the reason. */
  readonly failures: readonly {
    readonly kernel: string;
    readonly variant: string;
    readonly failure: Failure;
  }[];
}

export interface EngineLabApi {
  /** The plan without running it; compiles nothing. */
  plan(request: PlanRequest): Promise<Outcome<PlanReport>>;
  /** Runs it a few times and times every dispatch. Fails with `engine/no-timestamps` where the device has none. */
  measure(
    request: PlanRequest,
    onProgress: Listener<{ readonly done: number; readonly total: number }>,
  ): Promise<Outcome<PlanReport>>;
  /** Tries the variants of every kernel of the plan and keeps the fastest; what is known already is left out. */
  tune(
    request: PlanRequest,
    budgetSeconds: number,
    onProgress: Listener<TuningProgress>,
  ): Promise<Outcome<TuningReport>>;
  /** Ends what runs at the next chance with `run/cancelled`; what was tuned so far is kept. */
  cancel(): Promise<void>;
  /** All entries stored, of every device. */
  tuning(): Promise<Outcome<readonly TuningEntry[]>>;
  resetTuning(): Promise<Outcome<void>>;
}
