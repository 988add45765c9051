import { LabError } from "@/contracts/failure";
import type { StateDict } from "@/contracts/tensors";
import type { Batch } from "@/engine/executor";

/** The images of one step; where several replicas computed them, how many each: theirs follow each other in `noisy` and `clean`. */
export type TraceBatch = Batch & { readonly replicas?: readonly number[] };

/** The first K steps of a run, for replay elsewhere: what the network saw and what came of it. */
export interface TraceData {
  readonly initial: StateDict;
  /** Weights after step K; null until then. */
  readonly final: StateDict | null;
  /** Gradients of step 1. */
  readonly gradients: StateDict;
  readonly losses: readonly number[];
  readonly batches: readonly TraceBatch[];
}

/** What a trace may take: it is kept in memory while it is recorded. */
const MAX_TRACE_BYTES = 1 << 30;

/** Fails with `config/trace` when K batches of this size are more than memory should hold. */
export function assertTraceFits(steps: number, batchSize: number, size: number): void {
  const bytes = steps * batchSize * size * size * 8;
  if (bytes <= MAX_TRACE_BYTES) return;
  const fits = Math.floor(MAX_TRACE_BYTES / (batchSize * size * size * 8));
  throw new LabError(
    "config/trace",
    `A trace of ${steps} steps takes ${(bytes / 2 ** 30).toFixed(1)} GiB, more than the 1 GiB kept for it.`,
    fits > 0 ? `Trace at most ${fits} steps.` : "Use smaller batches or images, or no trace.",
  );
}

/** Records the first `steps` steps of a run. Continues from `kept` after a resume. */
export class TraceRecorder {
  private readonly steps: number;
  private data: TraceData | null;
  /** Something was recorded since `take`. */
  private changed = false;

  constructor(steps: number, kept: TraceData | null) {
    this.steps = steps;
    this.data = kept;
  }

  /** Whether the step after `stepsDone` is to be recorded. */
  wants(stepsDone: number): boolean {
    return stepsDone < this.steps;
  }

  begin(initial: StateDict, gradients: StateDict): void {
    this.data = { initial, final: null, gradients, losses: [], batches: [] };
  }

  step(batch: TraceBatch, loss: number): void {
    if (!this.data) return;
    this.data = {
      ...this.data,
      losses: [...this.data.losses, loss],
      batches: [...this.data.batches, batch],
    };
    this.changed = true;
  }

  /** Whether all steps are recorded and the weights after them are still missing. */
  wantsFinal(stepsDone: number, lastStep: number): boolean {
    return this.data !== null && this.data.final === null && stepsDone === Math.min(this.steps, lastStep);
  }

  end(final: StateDict): void {
    if (!this.data) return;
    this.data = { ...this.data, final };
    this.changed = true;
  }

  /** What is to be written: the trace when it has changed since the last time, else null. */
  take(): TraceData | null {
    if (!this.changed) return null;
    this.changed = false;
    return this.data;
  }
}
