import type { Batch, Executor, FlatAccess } from "@/engine/executor";
import type { Exchange, RoundOutcome } from "./exchange";
import { type FlatLayout, flatAccess } from "./flat";

/** One replica's device at work on its part of a step: the same code in every rank. */
export class LocalReplica {
  readonly executor: Executor;
  private readonly flat: FlatAccess;
  private readonly exchange: Exchange;
  private readonly now: () => number;
  /** Mean gradients over the images of this step so far, and the mean over all replicas. */
  private gradients: Float32Array<ArrayBuffer>;
  private readonly mean: Float32Array<ArrayBuffer>;
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
    this.gradients = new Float32Array();
    this.mean = new Float32Array(this.flat.floats);
  }

  begin(): void {
    this.images = 0;
    this.lossSum = 0;
    this.computeMs = 0;
    this.exchangeMs = 0;
  }

  /** Computes a batch's gradients and adds them to the step's, weighted by images. */
  async add(batch: Batch): Promise<void> {
    const begunMs = this.now();
    this.lossSum += (await this.executor.computeGradients(batch)) * batch.images;
    const computedMs = this.now();
    this.computeMs += computedMs - begunMs;
    const gradients = await this.flat.readGradients();
    if (this.images === 0) this.gradients = gradients;
    else this.accumulate(gradients, batch.images);
    this.images += batch.images;
    this.exchangeMs += this.now() - computedMs;
  }

  /** The weighted mean of all replicas; cancelled when one of them has gone. */
  async average(round: number, weights: readonly number[], wantsMean: boolean): Promise<RoundOutcome> {
    const begunMs = this.now();
    const outcome = await this.exchange.average(round, weights, this.gradients, wantsMean ? this.mean : null);
    this.exchangeMs += this.now() - begunMs;
    return outcome;
  }

  /** One step of Adam with the mean. */
  async apply(learningRate: number): Promise<void> {
    const begunMs = this.now();
    await this.flat.writeGradients(this.mean);
    this.exchangeMs += this.now() - begunMs;
    const writtenMs = this.now();
    await this.executor.applyGradients(learningRate);
    this.computeMs += this.now() - writtenMs;
  }

  private accumulate(added: Float32Array, images: number): void {
    const share = images / (this.images + images);
    const { gradients } = this;
    for (let i = 0; i < added.length; i++) {
      const before = gradients[i] as number;
      gradients[i] = before + share * ((added[i] as number) - before);
    }
  }

  /** All parameters, for helpers, or from a master. */
  readParameters(): Promise<Float32Array<ArrayBuffer>> {
    return this.flat.readParameters();
  }

  writeParameters(flat: Float32Array<ArrayBuffer>): Promise<void> {
    return this.flat.writeParameters(flat);
  }
}
