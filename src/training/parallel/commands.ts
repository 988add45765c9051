import type { Failure } from "@/contracts/failure";
import type { RunConfig } from "@/contracts/runConfig";
import type { LossScaleState, OptimizerState, StateDict } from "@/contracts/tensors";
import type { AdapterInfo } from "@/contracts/training";
import type { AdapterWish } from "@/engine/adapter";
import type { Batch } from "@/engine/executor";
import type { Statistics } from "@/engine/synchroniser";

/** Images that a replica computes, in groups of at most a batch: read by itself, or sent by the master. */
export type Work =
  | { readonly kind: "images"; readonly groups: readonly Uint32Array[]; readonly visit: number }
  | { readonly kind: "pixels"; readonly groups: readonly Batch[] };

export interface JoinRequest {
  readonly config: RunConfig;
  readonly engine: string;
  readonly tuning: Readonly<Record<string, string>>;
  readonly weights: StateDict;
  readonly adapter: AdapterWish;
}

/** What the leader tells a follower. */
export type Command =
  | ({ readonly type: "join" } & JoinRequest)
  /** Everything as at a checkpoint. */
  | { readonly type: "restore"; readonly weights: StateDict; readonly optimizer: OptimizerState }
  /** Make this ready; a step will ask for it, or not. */
  | { readonly type: "work"; readonly id: number; readonly work: Work }
  | {
      readonly type: "step";
      readonly round: number;
      readonly workId: number;
      readonly weights: readonly number[];
      readonly learningRate: number;
      /** DataParallel: the master's parameters, flat, and its loss scale. */
      readonly parameters: Float32Array<ArrayBuffer> | null;
      readonly lossScale: LossScaleState | null;
    }
  /**
   * The round was cancelled: again, with more images where one that is gone has left them. With synchronised statistics
   * `work` is all that the follower computes now, else what it adds to what it has.
   */
  | {
      readonly type: "again";
      readonly round: number;
      readonly weights: readonly number[];
      readonly work: Work | null;
    }
  /** Those of all replicas, in answer to a follower's own. */
  | ({ readonly type: "statistics"; readonly round: number } & Statistics)
  /** No statistics of this round, and those before it, will come. */
  | { readonly type: "no-statistics"; readonly round: number }
  | { readonly type: "leave" };

/** What a follower tells the leader. */
export type Report =
  | { readonly type: "joined"; readonly adapter: AdapterInfo | null }
  | { readonly type: "failed"; readonly failure: Failure }
  /** Its own at the next BatchNorm. */
  | ({ readonly type: "statistics"; readonly round: number } & Statistics)
  /** Its part of the step so far; `lossSum` over the images. */
  | {
      readonly type: "computed";
      readonly round: number;
      readonly lossSum: number;
      readonly images: number;
    }
  | {
      readonly type: "stepped";
      readonly computeMs: number;
      readonly exchangeMs: number;
      readonly images: number;
    };
