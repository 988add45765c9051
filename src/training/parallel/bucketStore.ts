import { type Bucket, bucketsOf, roundedUp } from "./buckets";
import { scaleOf } from "./halves";
import { FLOATS_AT_ONCE } from "./kernels/halves";
import { type ExchangeKernels, exchangeKernels } from "./kernels/kernels";
import type { FromAverager, Part, Payload } from "./messages";
import { BLOCK_FLOATS, ownStore, type StoreLayout, storeLayout } from "./store";

/**
 * A replica's gradients and the means, in memory that all replicas see or in its own, and all arithmetic on them. Buckets are
 * meant by their number.
 */
export class BucketStore {
  readonly buckets: readonly Bucket[];
  /** This replica's flat gradients: whoever computes them writes them here. */
  readonly gradients: Float32Array;
  private readonly floats: number;
  private readonly payload: Payload;
  private readonly shared: boolean;
  private readonly slot: number;
  private readonly memory: WebAssembly.Memory;
  private readonly layout: StoreLayout;
  private readonly kernels: ExchangeKernels;
  /** By bucket: the buffer that came back, to be sent again. */
  private readonly returned = new Map<number, ArrayBuffer>();
  private meanAt: number;
  private means: Float32Array;

  /** Throws `RangeError` where memory is short, and as `exchangeKernels` does. */
  constructor({ rank, replicas, floats, payload, memory }: Extract<FromAverager, { type: "memory" }>) {
    this.floats = floats;
    this.payload = payload;
    this.buckets = bucketsOf(floats);
    this.shared = memory !== null;
    this.slot = memory ? rank : 0;
    this.memory = memory ?? ownStore(floats, payload, replicas);
    this.layout = memory
      ? storeLayout(floats, payload, replicas)
      : storeLayout(floats, payload, 1, replicas - 1);
    this.kernels = exchangeKernels(this.memory, this.shared, payload);
    this.gradients = new Float32Array(this.memory.buffer, this.layout.gradients(this.slot), floats);
    this.meanAt = this.layout.mean;
    this.means = new Float32Array(this.memory.buffer, this.meanAt, floats);
  }

  /** The mean over all replicas, until the next round's. */
  get mean(): Float32Array {
    return this.means;
  }

  /** The shared means begin at another byte. */
  move(mean: number): void {
    this.meanAt = mean;
    this.means = new Float32Array(this.memory.buffer, mean, this.floats);
  }

  /** Makes a bucket ready to be summed, here (`isOwner`) or elsewhere: its scale, and a copy where it must be sent. */
  pack(bucket: number, isOwner: boolean): { readonly scale: number; readonly data: ArrayBuffer | null } {
    const { offset, length } = this.placeOf(bucket);
    let scale = 1;
    if (this.payload === "f16") {
      const from = this.layout.gradients(this.slot) + 4 * offset;
      scale = scaleOf(this.kernels.largest(from, length));
      this.kernels.encode(from, this.partAt(this.slot, bucket), length, scale);
    }
    if (this.shared || isOwner) return { scale, data: null };
    const own = this.own(bucket);
    const data = this.returned.get(bucket) ?? new ArrayBuffer(own.byteLength);
    this.returned.delete(bucket);
    new Uint8Array(data).set(own);
    return { scale, data };
  }

  /**
   * Sums a bucket's parts. The mean lies in `mean` afterwards, as the payload rounds it, and as the payload in the data of
   * parts that are wanted. Returns the scale of those.
   */
  sum(bucket: number, parts: readonly Part[], weights: readonly number[], wanted: readonly number[]): number {
    const { length } = this.placeOf(bucket);
    const units = parts.map(({ rank, scale }) => (weights[rank] as number) / scale);
    const { layout, kernels, payload } = this;
    const to = this.meanOf(bucket);
    const bytes = payload === "f16" ? 2 : 4;
    const sent = parts.filter(({ data }) => data !== null);
    if (sent.length === 0)
      kernels.sum(
        parts.map(({ rank }) => this.partAt(this.shared ? rank : 0, bucket)),
        units,
        to,
        length,
      );
    for (let first = 0; sent.length > 0 && first < length; first += BLOCK_FLOATS) {
      const count = Math.min(BLOCK_FLOATS, length - first);
      let blocks = 0;
      const places = parts.map(({ data }) => {
        if (!data) return this.partAt(0, bucket) + bytes * first;
        const at = layout.block(blocks++);
        this.bytes(at, bytes * count).set(new Uint8Array(data, bytes * first, bytes * count));
        // The kernels also read what fills the last eight, and the largest value must not come from there.
        this.bytes(at + bytes * count, bytes * (roundedUp(count, FLOATS_AT_ONCE) - count)).fill(0);
        return at;
      });
      kernels.sum(places, units, to + 4 * first, count);
      if (payload === "f32") giveTo(sent, wanted, this.bytes(to + 4 * first, 4 * count), 4 * first);
    }
    if (payload === "f32") return 1;
    // Nobody reads this replica's own halves of the bucket any more: the mean's take their place.
    const scale = scaleOf(kernels.largest(to, length));
    const halves = this.partAt(this.slot, bucket);
    kernels.encode(to, halves, length, scale);
    kernels.decode(halves, to, length, 1 / scale);
    giveTo(sent, wanted, this.own(bucket), 0);
    return scale;
  }

  /** A buffer came back; `wanted`: with a mean. */
  takeBack(bucket: number, data: ArrayBuffer, scale: number, wanted: boolean): void {
    this.returned.set(bucket, data);
    if (!wanted) return;
    const { length } = this.placeOf(bucket);
    if (this.payload === "f32") {
      this.bytes(this.meanOf(bucket), 4 * length).set(new Uint8Array(data));
      return;
    }
    this.own(bucket).set(new Uint8Array(data));
    this.kernels.decode(this.partAt(this.slot, bucket), this.meanOf(bucket), length, 1 / scale);
  }

  private placeOf(bucket: number): Bucket {
    const place = this.buckets[bucket];
    if (!place) throw new Error(`There is no bucket ${bucket} of ${this.buckets.length}.`);
    return place;
  }

  /** Where a replica's bucket lies as it is summed. */
  private partAt(slot: number, bucket: number): number {
    const { offset } = this.placeOf(bucket);
    return this.payload === "f16"
      ? this.layout.halves(slot) + 2 * offset
      : this.layout.gradients(slot) + 4 * offset;
  }

  private meanOf(bucket: number): number {
    return this.meanAt + 4 * this.placeOf(bucket).offset;
  }

  private own(bucket: number): Uint8Array {
    const bytes = (this.payload === "f16" ? 2 : 4) * this.placeOf(bucket).length;
    return this.bytes(this.partAt(this.slot, bucket), bytes);
  }

  private bytes(at: number, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, count);
  }
}

function giveTo(sent: readonly Part[], wanted: readonly number[], mean: Uint8Array, at: number): void {
  for (const { rank, data } of sent) if (data && wanted.includes(rank)) new Uint8Array(data).set(mean, at);
}
