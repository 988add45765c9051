import type { Tensor, Tensor1D } from "@tensorflow/tfjs-core";
import { LabError } from "@/contracts/failure";
import type { OptimizerState, StateDict } from "@/contracts/tensors";
import type { ExecutorOptions } from "@/engine/executor";
import type { Backend } from "./backend";
import type { AdamBuffers } from "./kernels";
import { type ParameterTable, packGroup, unpackGroup } from "./parameters";
import { readTensor, takeTensor } from "./readback";

/** A group of parameters that lies in one flat buffer each of values and gradients. */
interface Group {
  readonly values: Tensor1D;
  readonly gradients: Tensor1D | null;
}

type Moments = Pick<AdamBuffers, "firstMoments" | "secondMoments">;

/**
 * The trainable parameters on the device with their gradients and Adam's moments, each a flat buffer a group, and Adam's steps.
 * In and out: as a state dict in PyTorch's layouts, or flat as they lie, the groups one after the other.
 */
export class HeldParameters {
  /** Of all groups together. */
  readonly floats: number;
  private readonly backend: Backend;
  private readonly table: ParameterTable;
  private readonly adam: ExecutorOptions["adam"];
  private groups: readonly Group[];
  /** Of each group; null until something trains: an executor that only infers needs no room for them. */
  private moments: readonly Moments[] | null = null;
  private steps = 0;
  /** The groups' values cut into parameters; made anew whenever values change. */
  private cuts: ReadonlyMap<string, Tensor> | null = null;

  /** Throws `weights/missing` or `weights/shape`. */
  constructor(backend: Backend, table: ParameterTable, weights: StateDict, adam: ExecutorOptions["adam"]) {
    this.backend = backend;
    this.table = table;
    this.adam = adam;
    this.floats = table.parameters.reduce((sum, { size }) => sum + size, 0);
    this.groups = table.groups.map((group) => ({
      values: this.upload(packGroup(group, weights)),
      gradients: null,
    }));
  }

  /** Each in its shape on the device, for a pass. */
  byName(): ReadonlyMap<string, Tensor> {
    if (this.cuts) return this.cuts;
    const { tf, kernels } = this.backend;
    const cuts = new Map<string, Tensor>();
    this.table.groups.forEach((group, index) => {
      const flat = this.groups[index]?.values as Tensor1D;
      let offset = 0;
      for (const { name, size, deviceShape } of group) {
        cuts.set(name, tf.keep(kernels.cut(flat, offset, deviceShape)));
        offset += size;
      }
    });
    this.cuts = cuts;
    return cuts;
  }

  /** A pass's gradients by name, in one flat buffer a group. */
  gather(byName: ReadonlyMap<string, Tensor>): Tensor1D[] {
    const { tf } = this.backend;
    return this.table.groups.map((group) =>
      tf.tidy(() =>
        tf.concat(
          group.map(({ name }) => {
            const gradient = byName.get(name);
            if (!gradient) throw new Error(`tfjs executor: no gradient of ${name}`);
            return tf.reshape(gradient, [-1]) as Tensor1D;
          }),
        ),
      ),
    );
  }

  /** Takes over what `gather` made. */
  takeGradients(gradients: readonly Tensor1D[]): void {
    this.groups = this.groups.map((group, index) => {
      group.gradients?.dispose();
      return { ...group, gradients: gradients[index] ?? null };
    });
  }

  /** One step of Adam with the gradients held. Throws `engine/no-gradients`. */
  step(learningRate: number): void {
    const { beta1, beta2, epsilon } = this.adam;
    const t = this.steps + 1;
    const correction1 = 1 - beta1 ** t;
    const correction2 = 1 - beta2 ** t;
    this.forgetCuts();
    const moments = this.currentMoments();
    const next = this.groups.map((group, index) => {
      const { firstMoments, secondMoments } = moments[index] as Moments;
      return this.backend.kernels.adam(
        { values: group.values, firstMoments, secondMoments },
        gradientsOf(group),
        { beta1, beta2, epsilon, learningRate, correction1, correction2 },
      );
    });
    this.groups = this.groups.map(({ gradients }, index) => ({
      values: (next[index] as AdamBuffers).values,
      gradients,
    }));
    this.moments = next.map(({ firstMoments, secondMoments }) => ({ firstMoments, secondMoments }));
    this.steps = t;
  }

  /** Waits for everything queued that changes them. */
  async settled(): Promise<void> {
    // Reading one number waits for everything queued before it.
    const first = this.groups[0];
    if (first) await takeTensor(this.backend.tf.slice(first.values, 0, 1));
  }

  readValues(): Promise<StateDict> {
    return this.readGroups(({ values }) => values);
  }

  /** Throws `weights/missing` or `weights/shape` and then changes nothing. */
  writeValues(weights: StateDict): void {
    const packed = this.table.groups.map((group) => packGroup(group, weights));
    this.forgetCuts();
    this.groups = this.groups.map((group, index) => {
      group.values.dispose();
      return { ...group, values: this.upload(packed[index]) };
    });
  }

  /** Throws `engine/no-gradients`. */
  readGradients(): Promise<StateDict> {
    return this.readGroups(gradientsOf);
  }

  /** Throws as `writeValues` does. */
  writeGradients(gradients: StateDict): void {
    const packed = this.table.groups.map((group) => packGroup(group, gradients));
    this.groups = this.groups.map((group, index) => {
      group.gradients?.dispose();
      return { ...group, gradients: this.upload(packed[index]) };
    });
  }

  readFlatValues(): Promise<Float32Array<ArrayBuffer>> {
    return this.readFlat(({ values }) => values);
  }

  writeFlatValues(flat: Float32Array): void {
    const uploaded = this.uploadFlat(flat);
    this.forgetCuts();
    for (const { values } of this.groups) values.dispose();
    this.groups = this.groups.map(({ gradients }, index) => ({
      values: uploaded[index] as Tensor1D,
      gradients,
    }));
  }

  /** Throws `engine/no-gradients`. */
  readFlatGradients(): Promise<Float32Array<ArrayBuffer>> {
    return this.readFlat(gradientsOf);
  }

  writeFlatGradients(flat: Float32Array): void {
    this.takeGradients(this.uploadFlat(flat));
  }

  /** Moments of zeros before the first step. */
  async readOptimizer(): Promise<OptimizerState> {
    const moments = this.currentMoments();
    return {
      step: this.steps,
      firstMoments: await this.readGroups((_, index) => (moments[index] as Moments).firstMoments),
      secondMoments: await this.readGroups((_, index) => (moments[index] as Moments).secondMoments),
    };
  }

  /** Throws as `writeValues` does. */
  writeOptimizer({ step, firstMoments, secondMoments }: OptimizerState): void {
    const first = this.table.groups.map((group) => packGroup(group, firstMoments));
    const second = this.table.groups.map((group) => packGroup(group, secondMoments));
    this.forgetMoments();
    this.moments = first.map((values, index) => ({
      firstMoments: this.upload(values),
      secondMoments: this.upload(second[index]),
    }));
    this.steps = step;
  }

  dispose(): void {
    this.forgetCuts();
    this.forgetMoments();
    for (const { values, gradients } of this.groups)
      this.backend.tf.dispose([values, ...(gradients ? [gradients] : [])]);
    this.groups = [];
  }

  /** Zeros before the first step. */
  private currentMoments(): readonly Moments[] {
    const { tf } = this.backend;
    this.moments ??= this.groups.map(({ values }) => ({
      firstMoments: tf.zeros(values.shape),
      secondMoments: tf.zeros(values.shape),
    }));
    return this.moments;
  }

  private forgetMoments(): void {
    for (const { firstMoments, secondMoments } of this.moments ?? [])
      this.backend.tf.dispose([firstMoments, secondMoments]);
    this.moments = null;
  }

  private forgetCuts(): void {
    if (this.cuts) this.backend.tf.dispose([...this.cuts.values()]);
    this.cuts = null;
  }

  private upload(values: Float32Array | undefined): Tensor1D {
    return this.backend.tf.tensor1d(values ?? new Float32Array());
  }

  private async readGroups(pick: (group: Group, index: number) => Tensor1D): Promise<StateDict> {
    const out: StateDict = new Map();
    for (const [index, parameters] of this.table.groups.entries())
      unpackGroup(parameters, await readTensor(pick(this.groups[index] as Group, index)), out);
    return out;
  }

  private async readFlat(pick: (group: Group) => Tensor1D): Promise<Float32Array<ArrayBuffer>> {
    const flat = new Float32Array(this.floats);
    let offset = 0;
    for (const group of this.groups) {
      const values = await readTensor(pick(group));
      flat.set(values, offset);
      offset += values.length;
    }
    return flat;
  }

  /** A tensor a group; each has values of its own, as TensorFlow.js may keep the array it is given. */
  private uploadFlat(flat: Float32Array): Tensor1D[] {
    let offset = 0;
    return this.groups.map(({ values: { size } }) => {
      offset += size;
      return this.upload(flat.slice(offset - size, offset));
    });
  }
}

function gradientsOf({ gradients }: Group): Tensor1D {
  if (gradients) return gradients;
  throw new LabError(
    "engine/no-gradients",
    "There are no gradients yet.",
    "Compute gradients before reading or applying them.",
  );
}
