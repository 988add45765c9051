import { type Bucket, bucketsOf } from "./buckets";
import { decodeHalves, encodeHalves } from "./halves";
import {
  BYTES_A_FLOAT,
  type FromAverager,
  type Payload,
  type SharedMemory,
  type ToAverager,
} from "./messages";

/** What a replica needs to take part: told by the averager once it is open. */
interface Memory {
  readonly payload: Payload;
  readonly buckets: readonly Bucket[];
  readonly shared: SharedMemory | null;
  /** By bucket: the buffer that came back, to be sent again. */
  readonly returned: Map<number, ArrayBuffer>;
}

interface Waiting {
  readonly round: number;
  readonly memory: Memory;
  readonly mean: Float32Array | null;
  left: number;
  end(outcome: RoundOutcome): void;
}

/** `averageMs`: what the averager computed. Cancelled: nobody has got the means. */
export type RoundOutcome =
  | { readonly cancelled: false; readonly averageMs: number }
  | { readonly cancelled: true };

/** A replica's side of the averaging. Frameworks and devices are its caller's. */
export class Exchange {
  /** Told when a replica is gone (to the leader only). */
  onGone: (rank: number, reason: string) => void = () => undefined;
  private readonly port: MessagePort;
  private readonly memory: Promise<Memory>;
  private waiting: Waiting | null = null;
  private cancelled = 0;
  private remember: (memory: Memory) => void = () => undefined;

  constructor(port: MessagePort) {
    this.port = port;
    this.memory = new Promise((resolve) => {
      this.remember = resolve;
    });
    port.onmessage = ({ data }: MessageEvent<FromAverager>) => this.heard(data);
  }

  /** By the leader, once: makes the averager ready for flat gradients of this length. */
  open(floats: number, payload: Payload): void {
    this.tell({ type: "open", floats, payload });
  }

  /** How flat gradients are cut, in the order that buckets are sent. */
  async buckets(): Promise<readonly Bucket[]> {
    return (await this.memory).buckets;
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
    const memory = await this.memory;
    if (round <= this.cancelled) return { cancelled: true };
    const ended = new Promise<RoundOutcome>((end) => {
      this.waiting = { round, memory, mean, left: memory.buckets.length, end };
    });
    for (const [index, bucket] of memory.buckets.entries()) {
      await ready?.(bucket);
      if (round <= this.cancelled) break;
      const values = gradients.subarray(bucket.offset, bucket.offset + bucket.length);
      this.send(round, weights, memory, index, values);
    }
    return ended;
  }

  /** This replica cannot go on. */
  lost(reason: string): void {
    this.tell({ type: "lost", reason });
  }

  /** By the leader: who has not sent all of this round is dropped. */
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
    { payload, shared, returned }: Memory,
    bucket: number,
    values: Float32Array,
  ): void {
    const buffer =
      shared?.own[bucket] ?? returned.get(bucket) ?? new ArrayBuffer(values.length * BYTES_A_FLOAT[payload]);
    returned.delete(bucket);
    let scale = 1;
    if (payload === "f16") scale = encodeHalves(values, new Uint16Array(buffer));
    else new Float32Array(buffer).set(values);
    const data = buffer instanceof ArrayBuffer ? buffer : null;
    this.tell({ type: "bucket", round, bucket, weights, scale, data }, data ? [data] : []);
  }

  private heard(message: FromAverager): void {
    switch (message.type) {
      case "memory": {
        const { floats, payload, shared } = message;
        this.remember({ payload, buckets: bucketsOf(floats, payload), shared, returned: new Map() });
        break;
      }
      case "mean":
        this.take(message);
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

  private take({ round, bucket, scale, data, averageMs }: Extract<FromAverager, { type: "mean" }>): void {
    const { waiting } = this;
    if (waiting?.round !== round) return;
    const { memory, mean } = waiting;
    if (data) memory.returned.set(bucket, data);
    const place = memory.buckets[bucket];
    const buffer = data ?? memory.shared?.mean[bucket];
    if (mean && place && buffer) {
      const values = mean.subarray(place.offset, place.offset + place.length);
      if (memory.payload === "f16") decodeHalves(new Uint16Array(buffer), scale, values);
      else values.set(new Float32Array(buffer));
    }
    waiting.left--;
    if (waiting.left === 0) this.finish({ cancelled: false, averageMs });
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
