import type { Batch, Executor } from "@/engine/executor";
import type { Exchange, RoundOutcome } from "./exchange";
import { type FlatLayout, flatten, unflatten } from "./flat";

/** One replica's device at work on its part of a step: the same code in every rank. */
export class LocalReplica {
  readonly executor: Executor;
  private readonly layout: FlatLayout;
  private readonly exchange: Exchange;
  private readonly now: () => number;
  /** Mean gradients over the images of this step so far, and the mean over all replicas. */
  private readonly gradients: Float32Array<ArrayBuffer>;
  private readonly mean: Float32Array<ArrayBuffer>;
  /** Of the step in progress. */
  images = 0;
  /** Sum over the images. */
  lossSum = 0;
  computeMs = 0;
  exchangeMs = 0;

  constructor(executor: Executor, layout: FlatLayout, exchange: Exchange, now: () => number) {
    this.executor = executor;
    this.layout = layout;
    this.exchange = exchange;
    this.now = now;
    this.gradients = new Float32Array(layout.floats);
    this.mean = new Float32Array(layout.floats);
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
    const gradients = await this.executor.readGradients();
    if (this.images === 0) flatten(this.layout, gradients, this.gradients);
    else this.accumulate(gradients, batch.images);
    this.images += batch.images;
    this.computeMs += this.now() - begunMs;
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
    await this.executor.writeGradients(unflatten(this.layout, this.mean));
    this.exchangeMs += this.now() - begunMs;
    const writtenMs = this.now();
    await this.executor.applyGradients(learningRate);
    this.computeMs += this.now() - writtenMs;
  }

  private accumulate(gradients: Awaited<ReturnType<Executor["readGradients"]>>, images: number): void {
    const share = images / (this.images + images);
    for (const { name, offset } of this.layout.tensors) {
      const added = gradients.get(name)?.data ?? new Float32Array();
      for (let i = 0; i < added.length; i++) {
        const before = this.gradients[offset + i] as number;
        this.gradients[offset + i] = before + share * ((added[i] as number) - before);
      }
    }
  }
}
