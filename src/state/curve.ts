/** A curve as a chart takes it: one entry a bucket; gaps (non-finite losses) are null. */
export interface ThinnedCurve {
  /** Steps at the middle of each bucket, ascending. */
  readonly steps: readonly number[];
  readonly low: readonly (number | null)[];
  readonly high: readonly (number | null)[];
  /** Running mean at the end of the bucket (see `SMOOTHING`). */
  readonly smooth: readonly (number | null)[];
}

/** Weight of the past in the running mean: it remembers about 10 steps. */
const SMOOTHING = 0.9;
const FIRST_ROOM = 1024;

/**
 * The losses of a run, one float32 a step, and a thinned copy for the screen: buckets of 2ᵏ steps that keep minimum,
 * maximum and running mean. When the buckets run out, neighbours merge and k grows, so appending costs O(1) a step however
 * long the run is, and a chart never draws more than `maxBuckets` points. Lives outside React: screens watch a version.
 */
export class LossCurve {
  private readonly maxBuckets: number;
  private values = new Float32Array(FIRST_ROOM);
  private count = 0;
  /** Step of `values[0]`; 0 while empty. */
  private first = 0;
  private stride = 1;
  private buckets = 0;
  private inLast = 0;
  private mean = 0;
  private meanWeight = 0;
  private readonly low: Float32Array;
  private readonly high: Float32Array;
  private readonly smooth: Float32Array;

  /** `maxBuckets`: even, at least 2. A chart wants about its width in pixels. */
  constructor(maxBuckets = 1024) {
    this.maxBuckets = maxBuckets;
    this.low = new Float32Array(maxBuckets);
    this.high = new Float32Array(maxBuckets);
    this.smooth = new Float32Array(maxBuckets);
  }

  /** Steps held. */
  get length(): number {
    return this.count;
  }

  /** The last step held; 0 when empty. */
  get lastStep(): number {
    return this.count === 0 ? 0 : this.first + this.count - 1;
  }

  /** Every loss in order, without copying; valid until the next `append`. */
  get losses(): Float32Array {
    return this.values.subarray(0, this.count);
  }

  /**
   * Adds consecutive steps from `firstStep`. Steps already held from there on are replaced (a run continued from a
   * checkpoint repeats them); a gap starts the curve anew.
   */
  append(firstStep: number, losses: Float32Array): void {
    if (losses.length === 0) return;
    if (this.count > 0 && (firstStep < this.first || firstStep > this.lastStep + 1)) this.clear();
    if (this.count === 0) this.first = firstStep;
    const kept = firstStep - this.first;
    if (kept < this.count) this.rewind(kept);
    this.reserve(kept + losses.length);
    this.values.set(losses, kept);
    this.count = kept + losses.length;
    for (let i = 0; i < losses.length; i++) this.push(losses[i] as number);
  }

  /** Drops the steps after `step`: they are to be done again. */
  withdraw(step: number): void {
    if (step < this.lastStep) this.rewind(Math.max(0, step + 1 - this.first));
  }

  clear(): void {
    this.count = 0;
    this.resetBuckets();
  }

  /** The thinned curve; arrays are fresh at each call. */
  thinned(): ThinnedCurve {
    const steps = new Array<number>(this.buckets);
    const low = new Array<number | null>(this.buckets);
    const high = new Array<number | null>(this.buckets);
    const smooth = new Array<number | null>(this.buckets);
    for (let i = 0; i < this.buckets; i++) {
      const inBucket = i === this.buckets - 1 ? this.inLast : this.stride;
      steps[i] = this.first + i * this.stride + (inBucket - 1) / 2;
      low[i] = finite(this.low[i] as number);
      high[i] = finite(this.high[i] as number);
      smooth[i] = finite(this.smooth[i] as number);
    }
    return { steps, low, high, smooth };
  }

  private rewind(kept: number): void {
    this.count = kept;
    this.resetBuckets();
    for (let i = 0; i < kept; i++) this.push(this.values[i] as number);
  }

  private resetBuckets(): void {
    this.stride = 1;
    this.buckets = 0;
    this.inLast = 0;
    this.mean = 0;
    this.meanWeight = 0;
  }

  private reserve(length: number): void {
    if (length <= this.values.length) return;
    const roomier = new Float32Array(Math.max(length, this.values.length * 2));
    roomier.set(this.values.subarray(0, this.count));
    this.values = roomier;
  }

  private push(value: number): void {
    if (Number.isFinite(value)) {
      this.mean = SMOOTHING * this.mean + (1 - SMOOTHING) * value;
      this.meanWeight = SMOOTHING * this.meanWeight + (1 - SMOOTHING);
    }
    if (this.buckets === 0 || this.inLast === this.stride) {
      if (this.buckets === this.maxBuckets) this.halve();
      this.low[this.buckets] = Number.NaN;
      this.high[this.buckets] = Number.NaN;
      this.buckets++;
      this.inLast = 0;
    }
    const at = this.buckets - 1;
    this.low[at] = lesser(this.low[at] as number, value);
    this.high[at] = greater(this.high[at] as number, value);
    this.smooth[at] = this.meanWeight > 0 ? this.mean / this.meanWeight : Number.NaN;
    this.inLast++;
  }

  private halve(): void {
    const half = this.maxBuckets / 2;
    for (let i = 0; i < half; i++) {
      this.low[i] = lesser(this.low[2 * i] as number, this.low[2 * i + 1] as number);
      this.high[i] = greater(this.high[2 * i] as number, this.high[2 * i + 1] as number);
      this.smooth[i] = this.smooth[2 * i + 1] as number;
    }
    this.buckets = half;
    this.stride *= 2;
  }
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Minimum and maximum that pass over non-finite values. */
function lesser(a: number, b: number): number {
  if (!Number.isFinite(a)) return b;
  return Number.isFinite(b) && b < a ? b : a;
}
function greater(a: number, b: number): number {
  if (!Number.isFinite(a)) return b;
  return Number.isFinite(b) && b > a ? b : a;
}
