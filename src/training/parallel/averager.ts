import type { Setup } from "@/contracts/runConfig";
import { bucketsOf, ownerOf, takersOf } from "./buckets";
import { buffersOf, type FromAverager, type Part, type Payload, type ToAverager } from "./messages";
import { movedMean, sharedStore } from "./store";

export interface AveragerOptions {
  readonly setup: Setup;
  /** Gradients lie in memory that all threads see; else they are sent to and fro. The results are the same bits. */
  readonly shared: boolean;
  /** A replica is no longer there: its thread can be ended. */
  readonly onGone?: (rank: number, reason: string) => void;
}

interface Round {
  readonly round: number;
  readonly weights: readonly number[];
  readonly takers: readonly number[];
  /** By bucket. */
  readonly parts: Map<number, Part[]>;
  /** Buckets that a replica has sent, by rank, and that it has been given to sum and has not told of. */
  readonly sent: Map<number, number>;
  readonly owed: Map<number, number>;
  bucketsLeft: number;
}

interface Opened {
  readonly floats: number;
  readonly payload: Payload;
  readonly bucketCount: number;
  readonly memory: WebAssembly.Memory | null;
}

/**
 * The main thread's part of data-parallel training: it knows which replica has which gradients ready, and tells who is to
 * average them. It touches no gradient itself, so its tasks are as short as messages are. It knows nothing of networks and
 * images.
 *
 * Each bucket is summed by one of the replicas, as soon as all have it. A round ends for all replicas or for none: after its
 * last bucket all hear that it is averaged, or all hear that it was cancelled, because one of them is gone. Nobody waits in a
 * lock, so nobody hangs with a thread that dies, also in the middle of a sum.
 */
export class Averager {
  private readonly options: AveragerOptions;
  private readonly ports = new Map<number, MessagePort>();
  private readonly gone = new Set<number>();
  private opened: Opened | null = null;
  private current: Round | null = null;
  /** Rounds up to here are over. */
  private over = 0;

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
    this.opened = null;
    this.current = null;
  }

  private heard(rank: number, message: ToAverager): void {
    switch (message.type) {
      case "open":
        this.open(message.floats, message.payload);
        break;
      case "bucket":
        if (!this.gone.has(rank)) this.take(rank, message);
        break;
      case "summed":
        if (!this.gone.has(rank)) this.giveOut(rank, message);
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
    const { shared, setup } = this.options;
    const { replicas } = setup;
    const memory = shared ? sharedStore(floats, payload, replicas) : null;
    this.opened = { floats, payload, bucketCount: bucketsOf(floats).length, memory };
    for (const rank of this.ports.keys())
      this.tell(rank, { type: "memory", rank, replicas, floats, payload, memory });
  }

  private take(rank: number, message: Extract<ToAverager, { type: "bucket" }>): void {
    const { round, bucket, weights, scales, data } = message;
    if (round <= this.over || !this.opened) return;
    const takers = takersOf(weights);
    this.current ??= {
      round,
      weights,
      takers,
      parts: new Map(),
      sent: new Map(),
      owed: new Map(),
      bucketsLeft: this.opened.bucketCount,
    };
    if (takers.some((each) => this.gone.has(each))) {
      this.cancel(round);
      return;
    }
    const { parts, sent } = this.current;
    count(sent, rank, 1);
    const sofar = parts.get(bucket) ?? [];
    sofar.push({ rank, scales, data });
    parts.set(bucket, sofar);
    if (sofar.length === takers.length) this.complete(this.current, bucket, sofar);
  }

  /** All replicas' gradients of a bucket are there: one of them sums them, in the order of the ranks. */
  private complete({ round, weights, takers, parts, owed }: Round, bucket: number, all: Part[]): void {
    parts.delete(bucket);
    const owner = ownerOf(bucket, weights);
    count(owed, owner, 1);
    const wanted = this.options.setup.kind === "dp" ? [0] : takers;
    const sorted = all.toSorted((a, b) => a.rank - b.rank);
    this.tell(owner, { type: "sum", round, bucket, weights, wanted, parts: sorted }, buffersOf(sorted));
  }

  private giveOut(
    owner: number,
    { round, bucket, scales, parts }: Extract<ToAverager, { type: "summed" }>,
  ): void {
    const { current } = this;
    if (current?.round !== round) return;
    count(current.owed, owner, -1);
    current.bucketsLeft--;
    for (const { rank, data } of parts)
      if (data) this.tell(rank, { type: "mean", round, bucket, scales, data }, [data]);
    if (current.bucketsLeft > 0) return;
    this.over = round;
    this.current = null;
    for (const rank of current.takers) this.tell(rank, { type: "averaged", round });
  }

  private expire(round: number, reason: string): void {
    const { current, opened } = this;
    if (current?.round !== round || !opened) return;
    const { takers, sent, owed } = current;
    // The leader is there: it is the one who asks.
    const late = takers.filter(
      (rank) => rank > 0 && ((sent.get(rank) ?? 0) < opened.bucketCount || (owed.get(rank) ?? 0) > 0),
    );
    for (const rank of late) this.lose(rank, reason);
  }

  private cancel(round: number): void {
    const owed = [...(this.current?.owed.values() ?? [])];
    if (owed.some((sums) => sums > 0)) this.moveMeans();
    this.over = Math.max(this.over, round);
    this.current = null;
    for (const rank of this.ports.keys()) this.tell(rank, { type: "cancelled", round });
  }

  /** A replica that was given sums, and is gone or late, may still write them: the next round's means lie elsewhere. */
  private moveMeans(): void {
    if (!this.opened?.memory) return;
    const { memory, floats, payload } = this.opened;
    const mean = movedMean(memory, floats, payload);
    if (mean === null) return;
    for (const rank of this.ports.keys()) this.tell(rank, { type: "moved", mean });
  }

  private tell(rank: number, message: FromAverager, transfer: Transferable[] = []): void {
    if (!this.gone.has(rank)) this.ports.get(rank)?.postMessage(message, transfer);
  }
}

function count(counts: Map<number, number>, rank: number, by: number): void {
  counts.set(rank, (counts.get(rank) ?? 0) + by);
}
