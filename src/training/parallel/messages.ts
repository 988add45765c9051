import type { RunConfig } from "@/contracts/runConfig";

/** How gradients travel: whole, or as scaled halves (see `halves.ts`). */
export type Payload = NonNullable<RunConfig["engine"]["payload"]>;

/** What a replica tells the averager. */
export type ToAverager =
  /** By the leader, once: how long the flat gradients are. */
  | { readonly type: "open"; readonly floats: number; readonly payload: Payload }
  /**
   * One bucket of a round's gradients lies in this replica's shared memory, or in `data`. `weights` by rank, the same from
   * every replica: 0 takes no part.
   */
  | {
      readonly type: "bucket";
      readonly round: number;
      readonly bucket: number;
      readonly weights: readonly number[];
      readonly scale: number;
      readonly data: ArrayBuffer | null;
    }
  /** This replica cannot go on. */
  | { readonly type: "lost"; readonly reason: string }
  /** By the leader: drop those who have not sent all of this round. */
  | { readonly type: "expire"; readonly round: number; readonly reason: string }
  /** By the leader: this replica has not answered it, and is dropped. */
  | { readonly type: "drop"; readonly rank: number; readonly reason: string }
  /** By the leader: end this round, and those before it, without a mean. */
  | { readonly type: "reset"; readonly round: number };

/** What the averager tells a replica. */
export type FromAverager =
  /** Where its gradients go and the means come from, bucket by bucket; null: they are sent. */
  | {
      readonly type: "memory";
      readonly floats: number;
      readonly payload: Payload;
      readonly shared: SharedMemory | null;
    }
  /** A bucket's mean lies in the shared memory, or in `data`, which in either case is the buffer this replica sent. */
  | {
      readonly type: "mean";
      readonly round: number;
      readonly bucket: number;
      readonly scale: number;
      readonly data: ArrayBuffer | null;
      /** What the averager has computed for this round so far. */
      readonly averageMs: number;
    }
  /** No replica has got, or will get, all means of this round. */
  | { readonly type: "cancelled"; readonly round: number }
  /** To the leader: a replica is no longer there. */
  | { readonly type: "gone"; readonly rank: number; readonly reason: string };

export interface SharedMemory {
  readonly own: readonly SharedArrayBuffer[];
  readonly mean: readonly SharedArrayBuffer[];
}

export const BYTES_A_FLOAT: Readonly<Record<Payload, number>> = { f32: 4, f16: 2 };
