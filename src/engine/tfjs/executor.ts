import type { Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { LabError } from "@/contracts/failure";
import type { OptimizerState, StateDict } from "@/contracts/tensors";
import type { Batch, Executor, ExecutorInfo, ExecutorOptions, FlatAccess } from "@/engine/executor";
import type { Synchroniser } from "@/engine/synchroniser";
import { checkStateDict } from "@/model/stateDict";
import { type Backend, makeCurrent, releaseBackend } from "./backend";
import { callBackend } from "./backendCall";
import { HeldParameters } from "./heldParameters";
import { type Asking, Network, type Statistics, unasked } from "./network";
import { tableOf, weightOf } from "./parameters";
import { makePlan } from "./plan";
import { takeTensor } from "./readback";
import { RunningStatistics } from "./runningStatistics";
import { together } from "./together";

/** Pixels a forward pass takes at once in evaluation mode: four images of 256×256, or one of any size. */
const INFER_PIXELS = 2 ** 18;

/** One network at one size on a backend of TensorFlow.js: its passes, and what they leave. */
export class TfjsExecutor implements Executor {
  readonly info: ExecutorInfo;
  readonly flat: FlatAccess;
  private readonly backend: Backend;
  private readonly options: ExecutorOptions;
  private readonly network: Network;
  private readonly parameters: HeldParameters;
  private readonly running: RunningStatistics;
  /** Where a synchronised batch will move the running statistics, with its step. */
  private pending: Statistics | null = null;
  private peakBytes = 0;
  private disposed = false;

  /** Takes over one use of `backend`. Throws `weights/…` for weights of another network. */
  constructor(backend: Backend, options: ExecutorOptions) {
    this.backend = backend;
    this.options = options;
    checkStateDict(options.graph, options.weights);
    const table = tableOf(options.graph, options.weights);
    this.network = new Network(backend.tf, backend.kernels, makePlan(options.graph), () => this.notePeak());
    this.info = {
      engine: `tfjs-${backend.name}`,
      adapter: backend.adapter,
      features: backend.features,
      limits: backend.limits,
    };
    makeCurrent(backend);
    const parameters = new HeldParameters(backend, table, options.weights, options.adam);
    this.parameters = parameters;
    this.running = new RunningStatistics(backend, table, options.weights);
    this.flat = {
      floats: parameters.floats,
      readGradients: () => this.guarded(() => parameters.readFlatGradients()),
      writeGradients: (flat) => this.guarded(async () => parameters.writeFlatGradients(flat)),
      readParameters: () => this.guarded(() => parameters.readFlatValues()),
      writeParameters: (flat) => this.guarded(async () => parameters.writeFlatValues(flat)),
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
            this.parameters.byName(),
            this.running.byName(),
          ),
        );
        out.set(await takeTensor(output), first * pixels);
      }
      return out;
    });
  }

  trainStep(batch: Batch, learningRate: number): Promise<number> {
    return this.guarded(async () => {
      const loss = this.backpropagate(batch);
      this.step(learningRate);
      return (await takeTensor(loss))[0] as number;
    });
  }

  computeGradients(batch: Batch, synchroniser?: Synchroniser): Promise<number> {
    return this.guarded(async () => {
      const loss = synchroniser
        ? await this.backpropagateTogether(batch, synchroniser)
        : this.backpropagate(batch);
      return (await takeTensor(loss))[0] as number;
    });
  }

  applyGradients(learningRate: number): Promise<void> {
    return this.guarded(async () => {
      this.step(learningRate);
      await this.parameters.settled();
    });
  }

  readGradients(): Promise<StateDict> {
    return this.guarded(() => this.parameters.readGradients());
  }

  writeGradients(gradients: StateDict): Promise<void> {
    return this.guarded(async () => this.parameters.writeGradients(gradients));
  }

  readWeights(): Promise<StateDict> {
    return this.guarded(async () => {
      const trainable = await this.parameters.readValues();
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
      this.parameters.writeValues(weights);
      this.forgetPending();
      this.running.write(weights);
    });
  }

  readOptimizer(): Promise<OptimizerState> {
    return this.guarded(() => this.parameters.readOptimizer());
  }

  writeOptimizer(state: OptimizerState): Promise<void> {
    return this.guarded(async () => this.parameters.writeOptimizer(state));
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
      this.parameters.dispose();
      this.forgetPending();
      this.running.dispose();
    } finally {
      // Even where a lost device lets nothing be freed: the next executor needs a backend of its own.
      releaseBackend(this.backend);
    }
  }

  /** Forward and backward; leaves the gradients on the device and returns the loss, not yet read. */
  private backpropagate(batch: Batch): Tensor1D {
    const { tf, kernels } = this.backend;
    const parameters = this.parameters.byName();
    this.forgetPending();
    const { loss, gradients, moved } = tf.tidy(() => {
      const target = this.image(batch.clean, batch.images);
      const noisy = this.image(batch.noisy, batch.images);
      const { output, tape } = unasked(this.network.forwardTraining(noisy, parameters, false));
      const moved = this.running.moved(tape.statistics);
      const { value, gradient } = kernels.loss(this.options.loss, output, target);
      const byName = unasked(this.network.backward(tape, gradient, parameters, false));
      return { loss: value, gradients: this.parameters.gather(byName), moved: { ...moved } };
    });
    this.parameters.takeGradients(gradients);
    this.running.moveTo(moved);
    return loss;
  }

  /** The same by the statistics of all replicas. It waits for them, so that nothing tidies up but the pass itself. */
  private async backpropagateTogether(batch: Batch, synchroniser: Synchroniser): Promise<Tensor1D> {
    const { backend } = this;
    const { tf, kernels } = backend;
    const parameters = this.parameters.byName();
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
      this.parameters.takeGradients(this.parameters.gather(byName));
      tf.dispose([...byName.values()]);
    } catch (error) {
      value.dispose();
      throw error;
    } finally {
      this.network.drop(tape);
    }
    return value;
  }

  private forgetPending(): void {
    if (this.pending) this.backend.tf.dispose([this.pending.mean, this.pending.variance]);
    this.pending = null;
  }

  private step(learningRate: number): void {
    this.parameters.step(learningRate);
    if (this.pending) this.running.moveTo(this.pending);
    this.pending = null;
  }

  private image(pixels: Float32Array, count: number): Tensor4D {
    return this.backend.tf.tensor4d(pixels, [count, this.options.height, this.options.width, 1]);
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

  /** One call: refuses after dispose. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.disposed)
      throw new LabError(
        "engine/disposed",
        "The engine was used after it was closed.",
        "Start the run again.",
      );
    return callBackend(this.backend, work);
  }
}
