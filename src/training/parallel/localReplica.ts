import type { Batch, Executor, FlatAccess } from "@/engine/executor";
import type { Synchroniser } from "@/engine/synchroniser";
import { type Settled, settled, taken } from "../settled";
import type { Bucket } from "./buckets";
import type { Exchange, RoundOutcome } from "./exchange";
import { type FlatLayout, flatAccess } from "./flat";
import { RoundCalledOff, TimedSynchroniser } from "./statistics";

/** A batch whose gradients are still being computed. */
interface Arriving {
  readonly loss: Promise<Settled<number>>;
  readonly computedMs: Promise<number>;
  readonly ready: (bucket: Bucket) => Promise<void>;
  readonly images: number;
  readonly begunMs: number;
}

/**
 * One replica's device at work on its part of a step: the same code in every rank. Mean gradients over the images of the step
 * so far, and the mean over all replicas, lie where the exchange has a place for them.
 */
export class LocalReplica {
  readonly executor: Executor;
  private readonly flat: FlatAccess;
  private readonly exchange: Exchange;
  private readonly now: () => number;
  private arriving: Arriving | null = null;
  /** Of the step in progress. */
  images = 0;
  /** Sum over the images. */
  lossSum = 0;
  computeMs = 0;
  exchangeMs = 0;

  constructor(executor: Executor, layout: FlatLayout, exchange: Exchange, now: () => number) {
    this.executor = executor;
    this.flat = flatAccess(executor, layout);
    this.exchange = exchange;
    this.now = now;
  }

  begin(): void {
    this.arriving = null;
    this.images = 0;
    this.lossSum = 0;
    this.computeMs = 0;
    this.exchangeMs = 0;
  }

  /** Begins with a step's batches. Where the engine can, gradients then arrive while they are averaged. */
  async compute(batches: readonly Batch[]): Promise<void> {
    const [only] = batches;
    if (only && batches.length === 1 && this.flat.streamGradients) await this.stream(only);
    else for (const batch of batches) await this.add(batch);
  }

  /**
   * Computes all of a step's images with BatchNorm's statistics of all replicas'. False: the round was called off, and this
   * replica has computed nothing.
   */
  async computeTogether(batches: readonly Batch[], synchroniser: Synchroniser): Promise<boolean> {
    this.images = 0;
    this.lossSum = 0;
    try {
      for (const batch of batches) await this.add(batch, synchroniser);
      return true;
    } catch (error) {
      if (error instanceof RoundCalledOff) return false;
      throw error;
    }
  }

  /** Computes a batch's gradients and adds them to the step's, weighted by images. */
  async add(batch: Batch, synchroniser?: Synchroniser): Promise<void> {
    const begunMs = this.now();
    const waits = synchroniser && new TimedSynchroniser(synchroniser, this.now);
    const loss = await this.executor.computeGradients(batch, waits);
    const waitedMs = waits?.ms ?? 0;
    this.lossSum += loss * batch.images;
    const computedMs = this.now();
    this.computeMs += computedMs - begunMs - waitedMs;
    const added = await this.flat.readGradients();
    const { gradients } = await this.exchange.places();
    if (this.images === 0) gradients.set(added);
    else accumulate(gradients, added, batch.images / (this.images + batch.images));
    this.images += batch.images;
    this.exchangeMs += this.now() - computedMs + waitedMs;
  }

  /** The weighted mean of all replicas; cancelled when one of them has gone. */
  async average(round: number, weights: readonly number[], wantsMean: boolean): Promise<RoundOutcome> {
    const begunMs = this.now();
    const { arriving } = this;
    try {
      const { gradients, mean } = await this.exchange.places();
      return await this.exchange.average(round, weights, gradients, wantsMean ? mean : null, arriving?.ready);
    } finally {
      const computedMs = arriving ? await this.arrived(arriving) : begunMs;
      this.exchangeMs += this.now() - Math.max(begunMs, computedMs);
    }
  }

  /** One step of Adam with the mean. */
  async apply(learningRate: number): Promise<void> {
    const begunMs = this.now();
    await this.flat.writeGradients((await this.exchange.places()).mean);
    this.exchangeMs += this.now() - begunMs;
    const writtenMs = this.now();
    await this.executor.applyGradients(learningRate);
    this.computeMs += this.now() - writtenMs;
  }

  private async stream(batch: Batch): Promise<void> {
    const begunMs = this.now();
    const buckets = await this.exchange.buckets();
    const { gradients } = await this.exchange.places();
    const stream = await this.flat.streamGradients?.(batch, gradients, buckets);
    if (!stream) return;
    // Whoever waits for a piece hears of its failure; none is left unheard.
    const pieces = stream.pieces.map(settled);
    this.images = batch.images;
    this.arriving = {
      loss: settled(stream.loss),
      computedMs: Promise.all(pieces).then(() => this.now()),
      ready: async (bucket) => {
        const piece = pieces[buckets.indexOf(bucket)];
        if (piece) taken(await piece);
      },
      images: batch.images,
      begunMs,
    };
  }

  /** When all gradients were there. Throws what kept the loss from being. */
  private async arrived({ loss, computedMs, images, begunMs }: Arriving): Promise<number> {
    this.arriving = null;
    const endMs = await computedMs;
    this.computeMs += endMs - begunMs;
    this.lossSum += taken(await loss) * images;
    return endMs;
  }

  /** All parameters, for helpers, or from a master. */
  readParameters(): Promise<Float32Array<ArrayBuffer>> {
    return this.flat.readParameters();
  }

  writeParameters(flat: Float32Array<ArrayBuffer>): Promise<void> {
    return this.flat.writeParameters(flat);
  }
}

/** Moves a mean by one more group of images, which are `share` of all. */
function accumulate(mean: Float32Array, added: Float32Array, share: number): void {
  for (let i = 0; i < added.length; i++) {
    const before = mean[i] as number;
    mean[i] = before + share * ((added[i] as number) - before);
  }
}
