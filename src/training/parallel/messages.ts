import type { RunConfig } from "@/contracts/runConfig";

/** How gradients travel: whole, or as scaled halves (see `halves.ts`). */
export type Payload = NonNullable<RunConfig["engine"]["payload"]>;

/** Of halves, by block; null: the payload is whole. */
export type Scales = readonly number[] | null;

/** One replica's part of a bucket. Where there is no shared memory it lies in `data`, except the summing replica's own. */
export interface Part {
  readonly rank: number;
  readonly scales: Scales;
  readonly data: ArrayBuffer | null;
}

/** What a replica tells the averager. */
export type ToAverager =
  /** By the leader, once: how long the flat gradients are. */
  | { readonly type: "open"; readonly floats: number; readonly payload: Payload }
  /**
   * One bucket of a round's gradients lies in this replica's part of the shared memory, or in `data`. `weights` by rank, the
   * same from every replica: 0 takes no part.
   */
  | {
      readonly type: "bucket";
      readonly round: number;
      readonly bucket: number;
      readonly weights: readonly number[];
      readonly scales: Scales;
      readonly data: ArrayBuffer | null;
    }
  /** The mean of a bucket is there: in the shared memory, or in the `data` of those parts whose replicas want it. */
  | {
      readonly type: "summed";
      readonly round: number;
      readonly bucket: number;
      readonly scales: Scales;
      readonly parts: readonly Part[];
    }
  /** This replica cannot go on. */
  | { readonly type: "lost"; readonly reason: string }
  /** By the leader: drop those who have not done all of this round. */
  | { readonly type: "expire"; readonly round: number; readonly reason: string }
  /** By the leader: this replica has not answered it, and is dropped. */
  | { readonly type: "drop"; readonly rank: number; readonly reason: string }
  /** By the leader: end this round, and those before it, without a mean. */
  | { readonly type: "reset"; readonly round: number };

/** What the averager tells a replica. */
export type FromAverager =
  /** Where gradients and means lie (see `store.ts`); `memory` null: each replica has its own, and buckets are sent. */
  | {
      readonly type: "memory";
      readonly rank: number;
      readonly replicas: number;
      readonly floats: number;
      readonly payload: Payload;
      readonly memory: WebAssembly.Memory | null;
    }
  /** From now on the shared means begin at this byte. */
  | { readonly type: "moved"; readonly mean: number }
  /** All parts of a bucket are there; this replica sums them. `wanted`: ranks that want the mean. */
  | {
      readonly type: "sum";
      readonly round: number;
      readonly bucket: number;
      readonly weights: readonly number[];
      readonly wanted: readonly number[];
      readonly parts: readonly Part[];
    }
  /** What this replica sent comes back, with the mean where it wants one. */
  | {
      readonly type: "mean";
      readonly round: number;
      readonly bucket: number;
      readonly scales: Scales;
      readonly data: ArrayBuffer;
    }
  /** Every replica has, or has been sent, all means of this round. */
  | { readonly type: "averaged"; readonly round: number }
  /** No replica will get on with what it has of this round's means. */
  | { readonly type: "cancelled"; readonly round: number }
  /** To the leader: a replica is no longer there. */
  | { readonly type: "gone"; readonly rank: number; readonly reason: string };

/** What is to be transferred with parts. */
export const buffersOf = (parts: readonly Part[]): ArrayBuffer[] =>
  parts.flatMap(({ data }) => (data ? [data] : []));
