import { BucketStore } from "./bucketStore";
import { type Bucket, ownerOf } from "./buckets";
import { buffersOf, type FromAverager, type Payload, type ToAverager } from "./messages";

interface Waiting {
  readonly round: number;
  readonly store: BucketStore;
  readonly mean: Float32Array | null;
  averageMs: number;
  end(outcome: RoundOutcome): void;
}

/** `averageMs`: what this replica copied, converted and summed. Cancelled: nobody goes on with the means. */
export type RoundOutcome =
  | { readonly cancelled: false; readonly averageMs: number }
  | { readonly cancelled: true };

/** A replica's side of the averaging. Frameworks and devices are its caller's. */
export class Exchange {
  /** Told when a replica is gone (to the leader only). */
  onGone: (rank: number, reason: string) => void = () => undefined;
  private readonly port: MessagePort;
  private readonly opened: Promise<BucketStore>;
  private store: BucketStore | null = null;
  private waiting: Waiting | null = null;
  private cancelled = 0;
  private remember: (store: BucketStore) => void = () => undefined;
  private fail: (error: unknown) => void = () => undefined;
  private rank = 0;

  constructor(port: MessagePort) {
    this.port = port;
    this.opened = new Promise((resolve, reject) => {
      this.remember = resolve;
      this.fail = reject;
    });
    // Whoever averages hears of it.
    this.opened.catch(() => undefined);
    port.onmessage = ({ data }: MessageEvent<FromAverager>) => this.heard(data);
  }

  /** By the leader, once: makes the averager ready for flat gradients of this length. */
  open(floats: number, payload: Payload): void {
    this.tell({ type: "open", floats, payload });
  }

  /** How flat gradients are cut, in the order that buckets are sent. */
  async buckets(): Promise<readonly Bucket[]> {
    return (await this.opened).buckets;
  }

  /**
   * Where gradients and their mean can lie so that they need not be copied: give these arrays to `average`. Ask again before
   * each round, as the mean moves when a replica goes.
   */
  async places(): Promise<{ readonly gradients: Float32Array; readonly mean: Float32Array }> {
    return await this.opened;
  }

  /**
   * Sends `gradients` and waits for the weighted mean of all replicas' of this round, which is written to `mean` (null: this
   * replica wants none). `gradients` stay as they are. `ready` is awaited before a bucket is read: it need not
   * be there before.
   */
  async average(
    round: number,
    weights: readonly number[],
    gradients: Float32Array,
    mean: Float32Array | null,
    ready?: (bucket: Bucket) => Promise<void>,
  ): Promise<RoundOutcome> {
    const store = await this.opened;
    if (round <= this.cancelled) return { cancelled: true };
    const ended = new Promise<RoundOutcome>((end) => {
      this.waiting = { round, store, mean, averageMs: 0, end };
    });
    for (const [index, bucket] of store.buckets.entries()) {
      await ready?.(bucket);
      if (round <= this.cancelled) break;
      this.send(round, weights, store, index, gradients);
    }
    return ended;
  }

  /** This replica cannot go on. */
  lost(reason: string): void {
    this.tell({ type: "lost", reason });
  }

  /** By the leader: who has not done all of this round is dropped. */
  expire(round: number, reason: string): void {
    this.tell({ type: "expire", round, reason });
  }

  /** By the leader: this replica has kept it waiting for too long. */
  drop(rank: number, reason: string): void {
    this.tell({ type: "drop", rank, reason });
  }

  /** By the leader: this round, and those before it, end without a mean. */
  reset(round: number): void {
    this.tell({ type: "reset", round });
  }

  close(): void {
    this.port.onmessage = null;
    this.port.close();
  }

  private send(
    round: number,
    weights: readonly number[],
    store: BucketStore,
    bucket: number,
    gradients: Float32Array,
  ): void {
    const begunMs = performance.now();
    if (gradients !== store.gradients) {
      const { offset, length } = store.buckets[bucket] as Bucket;
      store.gradients.set(gradients.subarray(offset, offset + length), offset);
    }
    const { scales, data } = store.pack(bucket, ownerOf(bucket, weights) === this.rank);
    this.worked(begunMs);
    this.tell({ type: "bucket", round, bucket, weights, scales, data }, data ? [data] : []);
  }

  private heard(message: FromAverager): void {
    switch (message.type) {
      case "memory":
        this.openStore(message);
        break;
      case "moved":
        this.store?.move(message.mean);
        break;
      case "sum":
        this.sum(message);
        break;
      case "mean": {
        const { waiting } = this;
        if (waiting?.round !== message.round) break;
        const begunMs = performance.now();
        waiting.store.takeBack(message.bucket, message.data, message.scales, waiting.mean !== null);
        this.worked(begunMs);
        break;
      }
      case "averaged":
        this.averaged(message.round);
        break;
      case "cancelled":
        this.cancelled = Math.max(this.cancelled, message.round);
        if (this.waiting && this.waiting.round <= message.round) this.finish({ cancelled: true });
        break;
      case "gone":
        this.onGone(message.rank, message.reason);
        break;
      default:
        message satisfies never;
    }
  }

  private openStore(message: Extract<FromAverager, { type: "memory" }>): void {
    this.rank = message.rank;
    try {
      this.store = new BucketStore(message);
      this.remember(this.store);
    } catch (error) {
      this.fail(error);
    }
  }

  private sum({ round, bucket, weights, wanted, parts }: Extract<FromAverager, { type: "sum" }>): void {
    const { waiting } = this;
    // A round that is over here is over for all.
    if (waiting?.round !== round) return;
    const begunMs = performance.now();
    const scales = waiting.store.sum(bucket, parts, weights, wanted);
    this.worked(begunMs);
    this.tell({ type: "summed", round, bucket, scales, parts }, buffersOf(parts));
  }

  private averaged(round: number): void {
    const { waiting } = this;
    if (waiting?.round !== round) return;
    const { mean, store } = waiting;
    if (mean && mean !== store.mean) mean.set(store.mean);
    this.finish({ cancelled: false, averageMs: waiting.averageMs });
  }

  private worked(begunMs: number): void {
    if (this.waiting) this.waiting.averageMs += performance.now() - begunMs;
  }

  private finish(outcome: RoundOutcome): void {
    const { waiting } = this;
    this.waiting = null;
    waiting?.end(outcome);
  }

  private tell(message: ToAverager, transfer: Transferable[] = []): void {
    this.port.postMessage(message, transfer);
  }
}
