import type { Film } from "@/contracts/film";
import type { RunRecord } from "@/contracts/run";
import type { StateDict } from "@/contracts/tensors";

/** The first steps of a run as recorded for replay. */
export interface RunTrace {
  readonly initial: StateDict;
  /** Null while the run has not reached the last traced step. */
  readonly final: StateDict | null;
  readonly gradients: StateDict;
  readonly losses: readonly number[];
  readonly batches: readonly {
    readonly images: number;
    readonly noisy: Float32Array<ArrayBuffer>;
    readonly clean: Float32Array<ArrayBuffer>;
    /** Images of each replica, where there were several. */
    readonly replicas?: readonly number[];
  }[];
}

/** Everything stored about a run: what an export is made from and an import makes. */
export interface StoredRun {
  readonly run: RunRecord;
  readonly curve: {
    readonly losses: Float32Array<ArrayBuffer>;
    readonly stepMs: Float32Array<ArrayBuffer>;
  };
  readonly weights: { readonly best: StateDict | null; readonly last: StateDict | null };
  readonly trace: RunTrace | null;
  /** Null of a run without one, or when it is to be left out. */
  readonly film: Film | null;
}
