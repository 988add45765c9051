import type { Tensor1D } from "@tensorflow/tfjs-core";
import type { StateDict } from "@/contracts/tensors";
import { BATCH_NORM_MOMENTUM } from "@/model/graph";
import type { Backend } from "./backend";
import type { BatchStatistics, Statistics } from "./network";
import { type ParameterTable, weightOf } from "./parameters";

/** The running means and variances of all BatchNorms, in two flat buffers that move in a few operations. */
export class RunningStatistics {
  private readonly backend: Backend;
  private readonly table: ParameterTable;
  private all: Statistics;
  /** Cut from the buffers for evaluation; made anew whenever they change. */
  private cuts: ReadonlyMap<string, Statistics> | null = null;
  private readonly batchesTracked = new Map<string, number>();

  /** Throws `weights/missing`. */
  constructor(backend: Backend, table: ParameterTable, weights: StateDict) {
    this.backend = backend;
    this.table = table;
    this.all = this.upload(weights);
  }

  /** By BatchNorm, for a forward pass in evaluation mode. */
  byName(): ReadonlyMap<string, Statistics> {
    const { tf, kernels } = this.backend;
    const { mean, variance } = this.all;
    const cut = (flat: Tensor1D, offset: number, channels: number): Tensor1D =>
      tf.keep(kernels.cut(flat, offset, [channels]) as Tensor1D);
    this.cuts ??= new Map(
      this.table.statistics.map(({ name, offset, channels }) => [
        name,
        { mean: cut(mean, offset, channels), variance: cut(variance, offset, channels) },
      ]),
    );
    return this.cuts;
  }

  /** Where a batch moves them: 0.9·running + 0.1·batch; the variance unbiased by M/(M−1). Changes nothing here. */
  moved(statistics: ReadonlyMap<string, BatchStatistics>): Statistics {
    const { tf } = this.backend;
    const { mean, variance } = this.all;
    if (statistics.size === 0) return { mean: tf.clone(mean), variance: tf.clone(variance) };
    return tf.tidy(() => {
      const batches = this.table.statistics.map(({ name }) => {
        const batch = statistics.get(name);
        if (!batch) throw new Error(`tfjs executor: no statistics of ${name}`);
        return batch;
      });
      const unbiased = batches.map((batch) =>
        tf.mul<Tensor1D>(batch.variance, batch.count / (batch.count - 1)),
      );
      const move = (running: Tensor1D, batch: Tensor1D[]): Tensor1D =>
        tf.add<Tensor1D>(
          tf.mul(running, 1 - BATCH_NORM_MOMENTUM),
          tf.mul(tf.concat(batch), BATCH_NORM_MOMENTUM),
        );
      return {
        mean: move(
          mean,
          batches.map((batch) => batch.mean),
        ),
        variance: move(variance, unbiased),
      };
    });
  }

  /** Takes over what `moved` returned, and counts the batch. */
  moveTo(moved: Statistics): void {
    this.dispose();
    this.all = moved;
    for (const [name, count] of this.batchesTracked) this.batchesTracked.set(name, count + 1);
  }

  /** Adds `running_mean`, `running_var` and `num_batches_tracked` of every BatchNorm to `out`. */
  async read(out: StateDict): Promise<void> {
    const mean = await this.all.mean.data<"float32">();
    const variance = await this.all.variance.data<"float32">();
    for (const { name, channels, offset } of this.table.statistics) {
      const cut = (from: Float32Array): Float32Array<ArrayBuffer> =>
        new Float32Array(from.subarray(offset, offset + channels));
      const tracked = new Float32Array([this.batchesTracked.get(name) ?? 0]);
      out.set(`${name}.running_mean`, { shape: [channels], data: cut(mean) });
      out.set(`${name}.running_var`, { shape: [channels], data: cut(variance) });
      out.set(`${name}.num_batches_tracked`, { shape: [], data: tracked });
    }
  }

  /** Replaces them. Throws `weights/missing`. */
  write(weights: StateDict): void {
    const next = this.upload(weights);
    this.dispose();
    this.all = next;
  }

  dispose(): void {
    const { tf } = this.backend;
    for (const { mean, variance } of this.cuts?.values() ?? []) tf.dispose([mean, variance]);
    this.cuts = null;
    tf.dispose([this.all.mean, this.all.variance]);
  }

  private upload(weights: StateDict): Statistics {
    const mean = new Float32Array(this.table.statisticsSize);
    const variance = new Float32Array(this.table.statisticsSize);
    for (const { name, offset } of this.table.statistics) {
      mean.set(weightOf(weights, `${name}.running_mean`).data, offset);
      variance.set(weightOf(weights, `${name}.running_var`).data, offset);
      this.batchesTracked.set(name, weights.get(`${name}.num_batches_tracked`)?.data[0] ?? 0);
    }
    const { tf } = this.backend;
    return { mean: tf.tensor1d(mean), variance: tf.tensor1d(variance) };
  }
}
