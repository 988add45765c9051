import type { Setup } from "@/contracts/runConfig";
import { averageFloats, averageHalves } from "./average";
import { type Bucket, bucketsOf } from "./buckets";
import {
  BYTES_A_FLOAT,
  type FromAverager,
  type Payload,
  type SharedMemory,
  type ToAverager,
} from "./messages";

export interface AveragerOptions {
  readonly setup: Setup;
  /** Gradients lie in memory that all threads see; else they are sent to and fro. The results are the same bits. */
  readonly shared: boolean;
  /** A replica is no longer there: its thread can be ended. */
  readonly onGone?: (rank: number, reason: string) => void;
}

/** One replica's bucket as it came. */
interface Contribution {
  readonly scale: number;
  readonly data: ArrayBuffer | null;
}

interface Round {
  readonly round: number;
  readonly weights: readonly number[];
  /** By bucket, then by rank. */
  readonly contributions: Map<number, Map<number, Contribution>>;
  bucketsLeft: number;
  averageMs: number;
}

interface Layout {
  readonly payload: Payload;
  readonly buckets: readonly Bucket[];
  /** By rank; null where gradients are sent. */
  readonly own: readonly (readonly SharedArrayBuffer[])[] | null;
  readonly mean: readonly SharedArrayBuffer[] | null;
}

/**
 * The main thread's part of data-parallel training: it averages what the replicas send, bucket by bucket as they are
 * complete, each in a task of its own (at most 16 MiB a replica). It knows nothing of networks and images.
 *
 * A round ends for all replicas or for none: the means of its last bucket go out to all in one go, or all hear that it was
 * cancelled, because one of them is gone. Nobody waits in a lock, so nobody hangs with a thread that dies.
 */
export class Averager {
  private readonly options: AveragerOptions;
  private readonly ports = new Map<number, MessagePort>();
  private readonly gone = new Set<number>();
  private layout: Layout | null = null;
  private current: Round | null = null;
  /** Rounds up to here are over. */
  private over = 0;
  private scratch = new Float32Array();

  constructor(options: AveragerOptions) {
    this.options = options;
  }

  /** Listens to a replica. The leader has rank 0. */
  connect(rank: number, port: MessagePort): void {
    this.ports.set(rank, port);
    port.onmessage = ({ data }: MessageEvent<ToAverager>) => this.heard(rank, data);
  }

  /** A replica's thread has ended, or cannot go on. */
  lose(rank: number, reason: string): void {
    if (this.gone.has(rank) || !this.ports.has(rank)) return;
    this.gone.add(rank);
    this.tell(0, { type: "gone", rank, reason });
    if (this.current && (this.current.weights[rank] ?? 0) > 0) this.cancel(this.current.round);
    this.options.onGone?.(rank, reason);
  }

  /** Lets go of all memory and ports. */
  close(): void {
    for (const port of this.ports.values()) {
      port.onmessage = null;
      port.close();
    }
    this.ports.clear();
    this.layout = null;
    this.current = null;
    this.scratch = new Float32Array();
  }

  private heard(rank: number, message: ToAverager): void {
    switch (message.type) {
      case "open":
        this.open(message.floats, message.payload);
        break;
      case "bucket":
        if (!this.gone.has(rank)) this.take(rank, message);
        break;
      case "lost":
        this.lose(rank, message.reason);
        break;
      case "expire":
        this.expire(message.round, message.reason);
        break;
      case "drop":
        this.lose(message.rank, message.reason);
        break;
      case "reset":
        this.cancel(message.round);
        break;
      default:
        message satisfies never;
    }
  }

  private open(floats: number, payload: Payload): void {
    const buckets = bucketsOf(floats, payload);
    const memory = (): SharedArrayBuffer[] =>
      buckets.map(({ length }) => new SharedArrayBuffer(length * BYTES_A_FLOAT[payload]));
    const { shared, setup } = this.options;
    const own = shared ? Array.from({ length: setup.replicas }, memory) : null;
    this.layout = { payload, buckets, own, mean: shared ? memory() : null };
    for (const rank of this.ports.keys()) {
      const mine = own?.[rank];
      const { mean } = this.layout;
      const told: SharedMemory | null = mine && mean ? { own: mine, mean } : null;
      this.tell(rank, { type: "memory", floats, payload, shared: told });
    }
  }

  private take(rank: number, message: Extract<ToAverager, { type: "bucket" }>): void {
    const { round, bucket, weights, scale, data } = message;
    if (round <= this.over || !this.layout) return;
    this.current ??= {
      round,
      weights,
      contributions: new Map(),
      bucketsLeft: this.layout.buckets.length,
      averageMs: 0,
    };
    if (weights.some((weight, each) => weight > 0 && this.gone.has(each))) {
      this.cancel(round);
      return;
    }
    const { contributions } = this.current;
    const sofar = contributions.get(bucket) ?? new Map<number, Contribution>();
    contributions.set(bucket, sofar.set(rank, { scale, data }));
    if (sofar.size === weights.filter((weight) => weight > 0).length) this.complete(this.current, bucket);
  }

  /** All replicas' gradients of a bucket are there: averages them and sends the mean to all. */
  private complete(round: Round, bucket: number): void {
    const contributions = [...(round.contributions.get(bucket) ?? [])].sort(([a], [b]) => a - b);
    round.contributions.delete(bucket);
    const begunMs = performance.now();
    const scale = this.average(round.weights, bucket, contributions);
    round.averageMs += performance.now() - begunMs;
    round.bucketsLeft--;
    for (const [rank, { data }] of contributions)
      this.tell(
        rank,
        { type: "mean", round: round.round, bucket, scale, data, averageMs: round.averageMs },
        data ? [data] : [],
      );
    if (round.bucketsLeft > 0) return;
    this.over = round.round;
    this.current = null;
  }

  /** Writes the mean into the shared memory, or into every buffer that was sent, and returns its scale. */
  private average(
    weights: readonly number[],
    bucket: number,
    contributions: readonly (readonly [rank: number, Contribution])[],
  ): number {
    const { layout } = this;
    if (!layout) return 1;
    const buffers = contributions.map(
      ([rank, { data }]) => data ?? (layout.own?.[rank]?.[bucket] as SharedArrayBuffer),
    );
    // Where buffers were sent, the mean goes into the first, and from there into the others.
    const target = layout.mean?.[bucket] ?? (buffers[0] as ArrayBuffer);
    const takers = contributions.map(([rank]) => weights[rank] as number);
    let scale = 1;
    if (layout.payload === "f16") {
      const halves = buffers.map((buffer, i) => ({
        halves: new Uint16Array(buffer),
        scale: (contributions[i] as (typeof contributions)[number])[1].scale,
      }));
      const mean = new Uint16Array(target);
      if (this.scratch.length < mean.length) this.scratch = new Float32Array(mean.length);
      scale = averageHalves(halves, takers, mean, this.scratch.subarray(0, mean.length));
    } else {
      averageFloats(
        buffers.map((buffer) => new Float32Array(buffer)),
        takers,
        new Float32Array(target),
      );
    }
    if (!layout.mean && this.options.setup.kind === "ddp")
      for (const buffer of buffers.slice(1)) new Uint8Array(buffer).set(new Uint8Array(target));
    return scale;
  }

  private expire(round: number, reason: string): void {
    const { current } = this;
    if (current?.round !== round) return;
    const missing = current.weights.flatMap((weight, rank) => (weight > 0 && rank > 0 ? [rank] : []));
    const late = missing.filter((rank) => !this.hasSentAll(current, rank));
    for (const rank of late) this.lose(rank, reason);
  }

  /** What is complete was deleted: a replica has sent all when every bucket left has its part. */
  private hasSentAll({ contributions, bucketsLeft }: Round, rank: number): boolean {
    return [...contributions.values()].filter((sofar) => sofar.has(rank)).length === bucketsLeft;
  }

  private cancel(round: number): void {
    this.over = Math.max(this.over, round);
    this.current = null;
    for (const rank of this.ports.keys()) this.tell(rank, { type: "cancelled", round });
  }

  private tell(rank: number, message: FromAverager, transfer: Transferable[] = []): void {
    if (!this.gone.has(rank)) this.ports.get(rank)?.postMessage(message, transfer);
  }
}
