import type { NoiseConfig } from "@/contracts/runConfig";
import type { ReplicaStatus } from "@/contracts/training";
import type { Batch, Executor } from "@/engine/executor";
import { batchIndices, epochOrder, type PairMaker, trainingVisit } from "./batches";
import { type Settled, settled } from "./settled";
import type { TraceBatch } from "./trace";

export interface StepDone {
  /** Mean over all images of the step, before it. */
  readonly loss: number;
  readonly images: number;
  /** What the network saw. */
  seen(): Promise<TraceBatch>;
}

/** How the steps of a run are made: by one executor, or by several together. */
export interface Stepper<Prepared = unknown> {
  /** Begins to make ready the images of step `number` (0-based) of an epoch (1-based). */
  prepare(epoch: number, number: number): Promise<Settled<Prepared>>;
  /** One optimiser step on what was prepared. */
  step(prepared: Prepared, learningRate: number): Promise<StepDone>;
  /** All steps of an epoch are done: what was measured may change how the next one is shared. */
  epochDone(): void;
  /** One entry a replica, in the order of their ranks; null for a run that has only one. */
  replicas(): readonly ReplicaStatus[] | null;
}

/** One executor that takes the batches as they come. */
export class SingleStepper implements Stepper<Batch> {
  private readonly executor: Executor;
  private readonly pairs: PairMaker;
  private readonly order: (epoch: number) => Uint32Array;
  private readonly noise: NoiseConfig;
  private readonly batchSize: number;

  constructor(request: {
    readonly executor: Executor;
    readonly pairs: PairMaker;
    readonly train: Uint32Array;
    readonly seed: number;
    readonly noise: NoiseConfig;
    readonly batchSize: number;
  }) {
    this.executor = request.executor;
    this.pairs = request.pairs;
    this.order = orderByEpoch(request.train, request.seed);
    this.noise = request.noise;
    this.batchSize = request.batchSize;
  }

  prepare(epoch: number, number: number): Promise<Settled<Batch>> {
    const indices = batchIndices(this.order(epoch), number, this.batchSize);
    return settled(this.pairs.pairs(indices, trainingVisit(this.noise, epoch)));
  }

  async step(batch: Batch, learningRate: number): Promise<StepDone> {
    const loss = await this.executor.trainStep(batch, learningRate);
    return { loss, images: batch.images, seen: async () => batch };
  }

  epochDone(): void {}

  replicas(): null {
    return null;
  }
}

/** The order of an epoch; the last one asked for is kept. */
export function orderByEpoch(train: Uint32Array, seed: number): (epoch: number) => Uint32Array {
  let known: { readonly epoch: number; readonly order: Uint32Array } | null = null;
  return (epoch) => {
    if (known?.epoch !== epoch) known = { epoch, order: epochOrder(train, seed, epoch) };
    return known.order;
  };
}
