import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { LabError } from "@/contracts/failure";
import type { OptimizerState, StateDict } from "@/contracts/tensors";
import type { Batch, Executor, ExecutorInfo, ExecutorOptions, FlatAccess } from "@/engine/executor";
import type { Synchroniser } from "@/engine/synchroniser";
import { checkStateDict } from "@/model/stateDict";
import { type Backend, makeCurrent, releaseBackend } from "./backend";
import type { AdamBuffers } from "./kernels";
import { type Asking, Network, type Statistics, unasked } from "./network";
import { outOfMemory } from "./outOfMemory";
import { type Parameter, type ParameterTable, packGroup, tableOf, unpackGroup, weightOf } from "./parameters";
import { makePlan } from "./plan";
import { RunningStatistics } from "./runningStatistics";
import { together } from "./together";

/** Pixels a forward pass takes at once in evaluation mode: four images of 256×256, or one of any size. */
const INFER_PIXELS = 2 ** 18;

/** A group of parameters that lies in one flat buffer each of values and gradients. */
interface Group {
  readonly values: Tensor1D;
  readonly gradients: Tensor1D | null;
}

type Moments = Pick<AdamBuffers, "firstMoments" | "secondMoments">;

export class TfjsExecutor implements Executor {
  readonly info: ExecutorInfo;
  /** Groups one after the other. */
  readonly flat: FlatAccess;
  private readonly backend: Backend;
  private readonly options: ExecutorOptions;
  private readonly table: ParameterTable;
  private readonly network: Network;
  private groups: Group[] = [];
  /** Adam's, of each group; null until something trains: an executor that only infers needs no room for them. */
  private moments: readonly Moments[] | null = null;
  /** The groups' values cut into parameters; made anew whenever values change. */
  private parameters: ReadonlyMap<string, Tensor> | null = null;
  private readonly running: RunningStatistics;
  /** Where a synchronised batch will move the running statistics, with its step. */
  private pending: Statistics | null = null;
  private adamStep = 0;
  private peakBytes = 0;
  private disposed = false;

  /** Takes over one use of `backend`. Throws `weights/…` for weights of another network. */
  constructor(backend: Backend, options: ExecutorOptions) {
    this.backend = backend;
    this.options = options;
    checkStateDict(options.graph, options.weights);
    this.table = tableOf(options.graph, options.weights);
    this.network = new Network(backend.tf, backend.kernels, makePlan(options.graph), () => this.notePeak());
    this.info = {
      engine: `tfjs-${backend.name}`,
      adapter: backend.adapter,
      features: backend.features,
      limits: backend.limits,
    };
    makeCurrent(backend);
    const { tf } = backend;
    this.groups = this.table.groups.map((group) => ({
      values: tf.tensor1d(packGroup(group, options.weights)),
      gradients: null,
    }));
    this.running = new RunningStatistics(backend, this.table, options.weights);
    this.flat = {
      floats: this.table.parameters.reduce((sum, { size }) => sum + size, 0),
      readGradients: () => this.guarded(() => this.readFlat(gradientsOf)),
      writeGradients: (flat) =>
        this.guarded(async () => {
          const uploaded = this.uploadFlat(flat);
          for (const { gradients } of this.groups) gradients?.dispose();
          this.groups = this.groups.map(({ values }, index) => ({
            values,
            gradients: uploaded[index] ?? null,
          }));
        }),
      readParameters: () => this.guarded(() => this.readFlat(({ values }) => values)),
      writeParameters: (flat) =>
        this.guarded(async () => {
          const uploaded = this.uploadFlat(flat);
          this.forgetParameters();
          for (const { values } of this.groups) values.dispose();
          this.groups = this.groups.map(({ gradients }, index) => ({
            values: uploaded[index] as Tensor1D,
            gradients,
          }));
        }),
    };
  }

  infer(noisy: Float32Array<ArrayBuffer>, images: number): Promise<Float32Array<ArrayBuffer>> {
    return this.guarded(async () => {
      const { tf } = this.backend;
      const pixels = this.options.height * this.options.width;
      const out = new Float32Array(images * pixels);
      const atOnce = Math.max(1, Math.floor(INFER_PIXELS / pixels));
      for (let first = 0; first < images; first += atOnce) {
        const count = Math.min(atOnce, images - first);
        makeCurrent(this.backend);
        const output = tf.tidy(() =>
          this.network.infer(
            this.image(noisy.subarray(first * pixels, (first + count) * pixels), count),
            this.currentParameters(),
            this.running.byName(),
          ),
        );
        out.set(await this.take(output), first * pixels);
      }
      return out;
    });
  }

  trainStep(batch: Batch, learningRate: number): Promise<number> {
    return this.guarded(async () => {
      const loss = this.backpropagate(batch);
      this.step(learningRate);
      return (await this.take(loss))[0] as number;
    });
  }

  computeGradients(batch: Batch, synchroniser?: Synchroniser): Promise<number> {
    return this.guarded(async () => {
      const loss = synchroniser
        ? await this.backpropagateTogether(batch, synchroniser)
        : this.backpropagate(batch);
      return (await this.take(loss))[0] as number;
    });
  }

  applyGradients(learningRate: number): Promise<void> {
    return this.guarded(async () => {
      this.step(learningRate);
      // Reading one number waits for everything queued before it.
      const first = this.groups[0];
      if (first) await this.take(this.backend.tf.slice(first.values, 0, 1));
    });
  }

  readGradients(): Promise<StateDict> {
    return this.guarded(() => this.readGroups(gradientsOf));
  }

  writeGradients(gradients: StateDict): Promise<void> {
    return this.guarded(async () => {
      const packed = this.table.groups.map((group) => packGroup(group, gradients));
      this.groups = this.groups.map((group, index) => {
        group.gradients?.dispose();
        return { ...group, gradients: this.upload(packed[index]) };
      });
    });
  }

  readWeights(): Promise<StateDict> {
    return this.guarded(async () => {
      const trainable = await this.readGroups((group) => group.values);
      await this.running.read(trainable);
      // The order, and only the names, of the state dict it was made from.
      const ordered: StateDict = new Map();
      for (const [name, { shape }] of this.options.weights)
        ordered.set(name, { shape, data: weightOf(trainable, name).data });
      return ordered;
    });
  }

  writeWeights(weights: StateDict): Promise<void> {
    return this.guarded(async () => {
      checkStateDict(this.options.graph, weights);
      const packed = this.table.groups.map((group) => packGroup(group, weights));
      this.forgetParameters();
      this.forgetPending();
      this.groups = this.groups.map((group, index) => {
        group.values.dispose();
        return { ...group, values: this.upload(packed[index]) };
      });
      this.running.write(weights);
    });
  }

  readOptimizer(): Promise<OptimizerState> {
    return this.guarded(async () => {
      const moments = this.currentMoments();
      return {
        step: this.adamStep,
        firstMoments: await this.readGroups((_, index) => (moments[index] as Moments).firstMoments),
        secondMoments: await this.readGroups((_, index) => (moments[index] as Moments).secondMoments),
      };
    });
  }

  writeOptimizer({ step, firstMoments, secondMoments }: OptimizerState): Promise<void> {
    return this.guarded(async () => {
      const first = this.table.groups.map((group) => packGroup(group, firstMoments));
      const second = this.table.groups.map((group) => packGroup(group, secondMoments));
      this.forgetMoments();
      this.moments = first.map((values, index) => ({
        firstMoments: this.upload(values),
        secondMoments: this.upload(second[index]),
      }));
      this.adamStep = step;
    });
  }

  /** Of all executors on this backend and thread: TensorFlow.js counts them together. */
  memory(): { readonly bytes: number; readonly peakBytes: number } {
    // Asked after its backend was removed, TensorFlow.js would start another one.
    if (this.disposed) return { bytes: 0, peakBytes: this.peakBytes };
    this.notePeak();
    return { bytes: this.liveBytes(), peakBytes: this.peakBytes };
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    try {
      makeCurrent(this.backend);
      this.forgetParameters();
      this.forgetMoments();
      this.forgetPending();
      for (const { values, gradients } of this.groups)
        this.backend.tf.dispose([values, ...(gradients ? [gradients] : [])]);
      this.running.dispose();
      this.groups = [];
    } finally {
      // Even where a lost device lets nothing be freed: the next executor needs a backend of its own.
      releaseBackend(this.backend);
    }
  }

  /** Forward and backward; leaves the gradients in the groups and returns the loss, not yet read. */
  private backpropagate(batch: Batch): Tensor1D {
    const { tf, kernels } = this.backend;
    const parameters = this.currentParameters();
    this.forgetPending();
    const { loss, gradients, moved } = tf.tidy(() => {
      const target = this.image(batch.clean, batch.images);
      const noisy = this.image(batch.noisy, batch.images);
      const { output, tape } = unasked(this.network.forwardTraining(noisy, parameters, false));
      const moved = this.running.moved(tape.statistics);
      const { value, gradient } = kernels.loss(this.options.loss, output, target);
      const byName = unasked(this.network.backward(tape, gradient, parameters, false));
      return { loss: value, gradients: this.gather(byName), moved: { ...moved } };
    });
    this.takeGradients(gradients);
    this.running.moveTo(moved);
    return loss;
  }

  /** The same by the statistics of all replicas. It waits for them, so that nothing tidies up but the pass itself. */
  private async backpropagateTogether(batch: Batch, synchroniser: Synchroniser): Promise<Tensor1D> {
    const { backend } = this;
    const { tf, kernels } = backend;
    const parameters = this.currentParameters();
    this.forgetPending();
    const ask = <T>(pass: Asking<T>): Promise<T> => together(backend, pass, synchroniser);
    const noisy = this.image(batch.noisy, batch.images);
    const { output, tape } = await ask(this.network.forwardTraining(noisy, parameters, true));
    const target = this.image(batch.clean, batch.images);
    const { value, gradient } = kernels.loss(this.options.loss, output, target);
    target.dispose();
    try {
      const byName = await ask(this.network.backward(tape, gradient, parameters, true));
      this.pending = this.running.moved(tape.statistics);
      this.takeGradients(this.gather(byName));
      tf.dispose([...byName.values()]);
    } catch (error) {
      value.dispose();
      throw error;
    } finally {
      this.network.drop(tape);
    }
    return value;
  }

  private takeGradients(gradients: readonly Tensor1D[]): void {
    this.groups = this.groups.map((group, index) => {
      group.gradients?.dispose();
      return { ...group, gradients: gradients[index] ?? null };
    });
  }

  private forgetPending(): void {
    if (this.pending) this.backend.tf.dispose([this.pending.mean, this.pending.variance]);
    this.pending = null;
  }

  /** One flat gradient buffer a group. */
  private gather(byName: ReadonlyMap<string, Tensor>): Tensor1D[] {
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

  private step(learningRate: number): void {
    const { beta1, beta2, epsilon } = this.options.adam;
    const t = this.adamStep + 1;
    const correction1 = 1 - beta1 ** t;
    const correction2 = 1 - beta2 ** t;
    this.forgetParameters();
    const moments = this.currentMoments();
    const next = this.groups.map(({ values, gradients }, index) => {
      if (!gradients) throw noGradients();
      const { firstMoments, secondMoments } = moments[index] as Moments;
      return this.backend.kernels.adam({ values, firstMoments, secondMoments }, gradients, {
        beta1,
        beta2,
        epsilon,
        learningRate,
        correction1,
        correction2,
      });
    });
    this.groups = this.groups.map(({ gradients }, index) => ({
      values: (next[index] as AdamBuffers).values,
      gradients,
    }));
    this.moments = next;
    this.adamStep = t;
    if (this.pending) this.running.moveTo(this.pending);
    this.pending = null;
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

  private currentParameters(): ReadonlyMap<string, Tensor> {
    if (this.parameters) return this.parameters;
    const { tf, kernels } = this.backend;
    const parameters = new Map<string, Tensor>();
    this.table.groups.forEach((group, index) => {
      const flat = this.groups[index]?.values as Tensor1D;
      let offset = 0;
      for (const { name, size, deviceShape } of group) {
        parameters.set(name, tf.keep(kernels.cut(flat, offset, deviceShape)));
        offset += size;
      }
    });
    this.parameters = parameters;
    return parameters;
  }

  private forgetParameters(): void {
    if (this.parameters) this.backend.tf.dispose([...this.parameters.values()]);
    this.parameters = null;
  }

  private image(pixels: Float32Array, count: number): Tensor4D {
    return this.backend.tf.tensor4d(pixels, [count, this.options.height, this.options.width, 1]);
  }

  private upload(values: Float32Array | undefined): Tensor1D {
    return this.backend.tf.tensor1d(values ?? new Float32Array());
  }

  private async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    return (await tensor.data<"float32">()) as Float32Array<ArrayBuffer>;
  }

  /** Reads a tensor and disposes of it. */
  private async take(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    try {
      return await this.read(tensor);
    } finally {
      tensor.dispose();
    }
  }

  private async readGroups(pick: (group: Group, index: number) => Tensor1D): Promise<StateDict> {
    const out: StateDict = new Map();
    for (const [index, parameters] of this.table.groups.entries())
      unpackGroup(
        parameters as readonly Parameter[],
        await this.read(pick(this.groups[index] as Group, index)),
        out,
      );
    return out;
  }

  private async readFlat(pick: (group: Group) => Tensor1D): Promise<Float32Array<ArrayBuffer>> {
    const flat = new Float32Array(this.flat.floats);
    let offset = 0;
    for (const group of this.groups) {
      const values = await this.read(pick(group));
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

  private liveBytes(): number {
    const { tf } = this.backend;
    const memory: { numBytes: number; numBytesInGPU?: number } = tf.memory();
    // A GPU holds temporaries beyond the tensors, but gets a new tensor only when it is first used.
    return Math.max(memory.numBytes, memory.numBytesInGPU ?? 0);
  }

  private notePeak(): void {
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes());
  }

  /** Runs `work` on this executor's backend and turns what a broken device throws into coded failures. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.disposed)
      throw new LabError(
        "engine/disposed",
        "The engine was used after it was closed.",
        "Start the run again.",
      );
    this.throwFailure();
    makeCurrent(this.backend);
    try {
      const value = await work();
      this.throwFailure();
      return value;
    } catch (error) {
      if (!(error instanceof LabError)) await lossTold();
      this.throwFailure();
      if (error instanceof RangeError) throw outOfMemory(error.message);
      throw error;
    }
  }

  private throwFailure(): void {
    const failure = this.backend.failure();
    if (failure) throw failure;
  }
}

/** What fails of a lost device may fail a turn before the device says that it is lost. */
const LOSS_WAIT_MS = 100;

function lossTold(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOSS_WAIT_MS));
}

function gradientsOf({ gradients }: Group): Tensor1D {
  if (!gradients) throw noGradients();
  return gradients;
}

function noGradients(): LabError {
  return new LabError(
    "engine/no-gradients",
    "There are no gradients yet.",
    "Compute gradients before reading or applying them.",
  );
}
