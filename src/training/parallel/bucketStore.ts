import { type Bucket, bucketsOf, roundedUp } from "./buckets";
import { scaleOf } from "./halves";
import { FLOATS_AT_ONCE } from "./kernels/halves";
import { type ExchangeKernels, exchangeKernels } from "./kernels/kernels";
import type { FromAverager, Part, Payload, Scales } from "./messages";
import { BLOCK_FLOATS, ownStore, type StoreLayout, storeLayout } from "./store";

/** A piece of a bucket: `first` float and how many. */
interface Block {
  readonly index: number;
  readonly first: number;
  readonly count: number;
}

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
  private readonly bytesAFloat: number;
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
    this.bytesAFloat = payload === "f16" ? 2 : 4;
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

  /** Makes a bucket ready to be summed, here (`isOwner`) or elsewhere: as its payload, and a copy where it must be sent. */
  pack(bucket: number, isOwner: boolean): { readonly scales: Scales; readonly data: ArrayBuffer | null } {
    const from = this.layout.gradients(this.slot) + 4 * this.placeOf(bucket).offset;
    const scales = this.payload === "f16" ? this.halve(bucket, from) : null;
    if (this.shared || isOwner) return { scales, data: null };
    const own = this.own(bucket);
    const data = this.returned.get(bucket) ?? new ArrayBuffer(own.byteLength);
    this.returned.delete(bucket);
    new Uint8Array(data).set(own);
    return { scales, data };
  }

  /**
   * Sums a bucket's parts. The mean lies in `mean` afterwards, as the payload rounds it, and as the payload in the data of
   * parts that are wanted, with the scales that are returned.
   */
  sum(bucket: number, parts: readonly Part[], weights: readonly number[], wanted: readonly number[]): Scales {
    const { kernels, payload, bytesAFloat } = this;
    const to = this.meanOf(bucket);
    const sent = parts.filter(({ data }) => data !== null);
    if (payload === "f32" && sent.length === 0) {
      const places = parts.map(({ rank }) => this.partAt(rank, bucket));
      const units = parts.map(({ rank }) => weights[rank] as number);
      kernels.sum(places, units, to, this.placeOf(bucket).length);
      return null;
    }
    const given = sent
      .filter(({ rank }) => wanted.includes(rank))
      .map(({ data }) => new Uint8Array(data as ArrayBuffer));
    const scales: number[] = [];
    for (const { first, count, index } of this.blocksOf(bucket)) {
      const units = parts.map(({ rank, scales }) => (weights[rank] as number) / (scales?.[index] ?? 1));
      kernels.sum(this.blockPlaces(bucket, parts, first, count), units, to + 4 * first, count);
      let mean = to + 4 * first;
      if (payload === "f16") {
        // Nobody reads this replica's own halves of the bucket any more: the mean's take their place.
        const halves = this.partAt(this.slot, bucket) + 2 * first;
        const scale = this.halveBlock(mean, halves, count);
        kernels.decode(halves, mean, count, 1 / scale);
        scales.push(scale);
        mean = halves;
      }
      for (const data of given) data.set(this.bytes(mean, bytesAFloat * count), bytesAFloat * first);
    }
    return payload === "f16" ? scales : null;
  }

  /** A buffer came back; `wanted`: with a mean. */
  takeBack(bucket: number, data: ArrayBuffer, scales: Scales, wanted: boolean): void {
    this.returned.set(bucket, data);
    if (!wanted) return;
    const to = this.meanOf(bucket);
    if (!scales) {
      this.bytes(to, data.byteLength).set(new Uint8Array(data));
      return;
    }
    const halves = this.partAt(this.slot, bucket);
    for (const { first, count, index } of this.blocksOf(bucket)) {
      this.bytes(halves + 2 * first, 2 * count).set(new Uint8Array(data, 2 * first, 2 * count));
      this.kernels.decode(halves + 2 * first, to + 4 * first, count, 1 / (scales[index] as number));
    }
  }

  /** Where a block of each part lies: those that were sent are copied to where the kernels see them. */
  private blockPlaces(bucket: number, parts: readonly Part[], first: number, count: number): number[] {
    const { bytesAFloat } = this;
    let blocks = 0;
    return parts.map(({ rank, data }) => {
      if (!data) return this.partAt(this.shared ? rank : 0, bucket) + bytesAFloat * first;
      const at = this.layout.block(blocks++);
      const bytes = bytesAFloat * count;
      this.bytes(at, bytes).set(new Uint8Array(data, bytesAFloat * first, bytes));
      // The kernels also read what fills the last eight, and the largest value must not come from there.
      this.bytes(at + bytes, bytesAFloat * (roundedUp(count, FLOATS_AT_ONCE) - count)).fill(0);
      return at;
    });
  }

  /** Writes this replica's halves of a bucket, of the floats at `from`. */
  private halve(bucket: number, from: number): number[] {
    const to = this.partAt(this.slot, bucket);
    return this.blocksOf(bucket).map(({ first, count }) =>
      this.halveBlock(from + 4 * first, to + 2 * first, count),
    );
  }

  private halveBlock(from: number, to: number, count: number): number {
    const scale = scaleOf(this.kernels.largest(from, count));
    this.kernels.encode(from, to, count, scale);
    return scale;
  }

  private blocksOf(bucket: number): readonly Block[] {
    const { length } = this.placeOf(bucket);
    return Array.from({ length: Math.ceil(length / BLOCK_FLOATS) }, (_, index) => {
      const first = index * BLOCK_FLOATS;
      return { index, first, count: Math.min(BLOCK_FLOATS, length - first) };
    });
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
    return this.bytes(this.partAt(this.slot, bucket), this.bytesAFloat * this.placeOf(bucket).length);
  }

  private bytes(at: number, count: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, at, count);
  }
}
