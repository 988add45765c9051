import { LabError } from "@/contracts/failure";
import type { OptimizerState, StateDict } from "@/contracts/tensors";
import { elementCount, type Parameter, parameterList } from "@/model/parameters";
import { inferShapes } from "@/model/shapes";
import { checkStateDict } from "@/model/stateDict";
import type { Batch, Executor, ExecutorInfo, ExecutorOptions } from "../executor";
import type { Moments, Synchroniser } from "../synchroniser";
import { adamStep } from "./adam";
import type { Feature } from "./feature";
import { lossWithGradient } from "./loss";
import {
  backwardPass,
  forwardPass,
  moveAllRunning,
  runBackward,
  runForward,
  together,
  type Values,
} from "./network";

/** All that lives between calls; dropped as a whole by `dispose`. */
interface State {
  readonly values: Values;
  readonly firstMoments: Values;
  readonly secondMoments: Values;
  gradients: Values | null;
  /** Moments of a synchronised batch, which move the running statistics with the step. */
  moments: ReadonlyMap<string, Moments>;
  steps: number;
}

const bytesOf = (values: Values | null): number =>
  [...(values?.values() ?? [])].reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Computes everything in float64 on the calling thread; what it reads out is rounded to float32. */
export class ReferenceExecutor implements Executor {
  readonly info: ExecutorInfo = { engine: "reference", adapter: null, features: [], limits: {} };
  private readonly options: ExecutorOptions;
  private readonly parameters: readonly Parameter[];
  private readonly trainable: readonly Parameter[];
  private held: State | null;
  private peakBytes = 0;

  constructor(options: ExecutorOptions) {
    inferShapes(options.graph, options.height, options.width);
    checkStateDict(options.graph, options.weights);
    this.options = options;
    this.parameters = parameterList(options.graph);
    this.trainable = this.parameters.filter(({ trainable }) => trainable);
    this.held = {
      values: toValues(this.parameters, options.weights),
      firstMoments: zeros(this.trainable),
      secondMoments: zeros(this.trainable),
      gradients: null,
      moments: new Map(),
      steps: 0,
    };
    this.notePeak(0);
  }

  async infer(noisy: Float32Array<ArrayBuffer>, images: number): Promise<Float32Array<ArrayBuffer>> {
    const { values } = this.state();
    const { graph } = this.options;
    const tape = runForward(graph, values, this.input(noisy, images), false);
    this.notePeak(tape.bytes);
    return Float32Array.from(tape.output(graph.output).data);
  }

  async trainStep(batch: Batch, learningRate: number): Promise<number> {
    const loss = await this.computeGradients(batch);
    await this.applyGradients(learningRate);
    return loss;
  }

  async computeGradients(batch: Batch, synchroniser?: Synchroniser): Promise<number> {
    const state = this.state();
    const { values } = state;
    const { graph, loss: kind } = this.options;
    const input = this.input(batch.noisy, batch.images);
    if (batch.clean.length !== batch.noisy.length)
      throw new LabError(
        "engine/batch",
        `The batch has ${batch.noisy.length} noisy and ${batch.clean.length} clean pixels.`,
        "Give a clean pixel for each noisy one.",
      );
    state.moments = new Map();
    const tape = synchroniser
      ? await together(forwardPass(graph, values, input, true), synchroniser)
      : runForward(graph, values, input, true);
    const { loss, gradient } = lossWithGradient(tape.output(graph.output), batch.clean, kind);
    state.gradients = synchroniser
      ? await together(backwardPass(graph, values, tape, gradient), synchroniser)
      : runBackward(graph, values, tape, gradient);
    if (synchroniser) state.moments = tape.moments;
    else moveAllRunning(values, tape.moments);
    this.notePeak(tape.bytes);
    return loss;
  }

  async applyGradients(learningRate: number): Promise<void> {
    const state = this.state();
    const gradients = this.gradients();
    moveAllRunning(state.values, state.moments);
    state.moments = new Map();
    state.steps += 1;
    for (const { name } of this.trainable) {
      const parameter = state.values.get(name);
      const gradient = gradients.get(name);
      const first = state.firstMoments.get(name);
      const second = state.secondMoments.get(name);
      if (parameter && gradient && first && second)
        adamStep(parameter, gradient, first, second, state.steps, learningRate, this.options.adam);
    }
  }

  async readGradients(): Promise<StateDict> {
    return toStateDict(this.trainable, this.gradients());
  }

  async writeGradients(gradients: StateDict): Promise<void> {
    this.state().gradients = toValues(this.trainable, gradients);
  }

  async readWeights(): Promise<StateDict> {
    return toStateDict(this.parameters, this.state().values);
  }

  async writeWeights(weights: StateDict): Promise<void> {
    const state = this.state();
    checkStateDict(this.options.graph, weights);
    for (const [name, values] of toValues(this.parameters, weights)) state.values.set(name, values);
  }

  async readOptimizer(): Promise<OptimizerState> {
    const { steps, firstMoments, secondMoments } = this.state();
    return {
      step: steps,
      firstMoments: toStateDict(this.trainable, firstMoments),
      secondMoments: toStateDict(this.trainable, secondMoments),
    };
  }

  async writeOptimizer({ step, firstMoments, secondMoments }: OptimizerState): Promise<void> {
    const state = this.state();
    const first = toValues(this.trainable, firstMoments);
    const second = toValues(this.trainable, secondMoments);
    state.steps = step;
    for (const [name, values] of first) state.firstMoments.set(name, values);
    for (const [name, values] of second) state.secondMoments.set(name, values);
  }

  memory(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.bytes(), peakBytes: this.peakBytes };
  }

  async dispose(): Promise<void> {
    this.held = null;
  }

  private bytes(): number {
    const { values, firstMoments, secondMoments, gradients } = this.state();
    return bytesOf(values) + bytesOf(firstMoments) + bytesOf(secondMoments) + bytesOf(gradients);
  }

  private notePeak(passingBytes: number): void {
    this.peakBytes = Math.max(this.peakBytes, this.bytes() + passingBytes);
  }

  private state(): State {
    if (!this.held)
      throw new LabError(
        "engine/disposed",
        "This reference executor was disposed of.",
        "Create a new one from the weights.",
      );
    return this.held;
  }

  private gradients(): Values {
    const { gradients } = this.state();
    if (!gradients)
      throw new LabError(
        "engine/no-gradients",
        "No gradients were computed yet.",
        "Call computeGradients or writeGradients first.",
      );
    return gradients;
  }

  private input(pixels: Float32Array, images: number): Feature {
    const { height, width } = this.options;
    if (!Number.isInteger(images) || images < 1 || pixels.length !== images * height * width)
      throw new LabError(
        "engine/batch",
        `${pixels.length} pixels are not ${images} images of ${height}×${width}.`,
        "Give whole images of the executor's size.",
      );
    return { channels: 1, images, height, width, data: Float64Array.from(pixels) };
  }
}

function zeros(parameters: readonly Parameter[]): Values {
  return new Map(parameters.map(({ name, shape }) => [name, new Float64Array(elementCount(shape))]));
}

/** Float64 copies of exactly these parameters. Failure: `weights/shape` for one that is missing or of another size. */
function toValues(parameters: readonly Parameter[], tensors: StateDict): Values {
  return new Map(
    parameters.map(({ name, shape }) => {
      const data = tensors.get(name)?.data;
      const count = elementCount(shape);
      if (data?.length !== count)
        throw new LabError(
          "weights/shape",
          `${name} has ${data?.length ?? 0} values instead of ${count}.`,
          "Give tensors of the same network.",
        );
      return [name, Float64Array.from(data)];
    }),
  );
}

/** Float32 copies in the order of the parameters. */
function toStateDict(parameters: readonly Parameter[], values: Values): StateDict {
  return new Map(
    parameters.map(({ name, shape }) => [name, { shape, data: Float32Array.from(values.get(name) ?? []) }]),
  );
}
