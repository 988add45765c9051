import type { OptimizerState, StateDict } from "@/contracts/tensors";
import type { Batch, Executor, ExecutorInfo } from "@/engine/executor";

/**
 * A toy executor for tests: denoised = gain·noisy + offset, mean squared loss, Adam, and a running mean that only
 * training moves (as BatchNorm's does) and inference uses. Its whole state is float32, so what is read is all there is.
 */
export class LinearExecutor implements Executor {
  readonly info: ExecutorInfo = { engine: "linear", adapter: null, features: [], limits: {} };
  /** Called before each training step with its number, to fail or to stop the world. */
  beforeStep: (step: number) => Promise<void> | void = () => undefined;
  /** Replaces the loss that a step returns. */
  lossOf: (step: number, loss: number) => number = (_, loss) => loss;
  trainedOn: Batch[] = [];
  private weights = Float32Array.of(1, 0, 0);
  private firstMoments = new Float32Array(2);
  private secondMoments = new Float32Array(2);
  private gradients = new Float32Array(2);
  private step = 0;

  constructor(weights: StateDict) {
    this.load(weights);
  }

  async infer(noisy: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>> {
    const [gain, offset, running] = this.weights as unknown as [number, number, number];
    return noisy.map((value) => gain * value + offset + 1e-3 * running);
  }

  async computeGradients(batch: Batch): Promise<number> {
    await this.beforeStep(this.step + 1);
    this.trainedOn.push(batch);
    const [gain, offset, running] = this.weights as unknown as [number, number, number];
    let loss = 0;
    let mean = 0;
    this.gradients.fill(0);
    batch.noisy.forEach((noisy, i) => {
      const error = gain * noisy + offset - (batch.clean[i] as number);
      loss += error * error;
      mean += noisy;
      this.gradients[0] = (this.gradients[0] as number) + (2 * error * noisy) / batch.noisy.length;
      this.gradients[1] = (this.gradients[1] as number) + (2 * error) / batch.noisy.length;
    });
    this.weights[2] = 0.9 * running + (0.1 * mean) / batch.noisy.length;
    return this.lossOf(this.step + 1, loss / batch.noisy.length);
  }

  async applyGradients(learningRate: number): Promise<void> {
    this.step++;
    for (const i of [0, 1]) {
      const gradient = this.gradients[i] as number;
      this.firstMoments[i] = 0.9 * (this.firstMoments[i] as number) + 0.1 * gradient;
      this.secondMoments[i] = 0.999 * (this.secondMoments[i] as number) + 0.001 * gradient * gradient;
      const first = (this.firstMoments[i] as number) / (1 - 0.9 ** this.step);
      const second = (this.secondMoments[i] as number) / (1 - 0.999 ** this.step);
      this.weights[i] = (this.weights[i] as number) - (learningRate * first) / (Math.sqrt(second) + 1e-8);
    }
  }

  async trainStep(batch: Batch, learningRate: number): Promise<number> {
    const loss = await this.computeGradients(batch);
    await this.applyGradients(learningRate);
    return loss;
  }

  async readGradients(): Promise<StateDict> {
    return named(this.gradients);
  }

  async writeGradients(gradients: StateDict): Promise<void> {
    this.gradients = flat(gradients);
  }

  async readWeights(): Promise<StateDict> {
    return named(this.weights);
  }

  async writeWeights(weights: StateDict): Promise<void> {
    this.load(weights);
  }

  async readOptimizer(): Promise<OptimizerState> {
    return {
      step: this.step,
      firstMoments: named(this.firstMoments),
      secondMoments: named(this.secondMoments),
    };
  }

  async writeOptimizer(state: OptimizerState): Promise<void> {
    this.step = state.step;
    this.firstMoments = flat(state.firstMoments);
    this.secondMoments = flat(state.secondMoments);
  }

  memory() {
    return { bytes: 64, peakBytes: 128 };
  }

  async dispose(): Promise<void> {}

  private load(weights: StateDict): void {
    this.weights = flat(weights);
  }
}

const NAMES = ["gain", "offset", "running"];

function named(values: Float32Array): StateDict {
  return new Map(
    Array.from(values, (value, i) => [NAMES[i] as string, { shape: [1], data: Float32Array.of(value) }]),
  );
}

function flat(weights: StateDict): Float32Array<ArrayBuffer> {
  return Float32Array.from([...weights.values()], ({ data }) => data[0] as number);
}

/** gain 1, offset 0, running mean 0. */
export const linearWeights = (): StateDict => named(Float32Array.of(1, 0, 0));
