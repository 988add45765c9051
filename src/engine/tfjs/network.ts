import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { NodeId } from "@/model/graph";
import type { Kernels, Tf } from "./kernels";
import { type Plan, type Step, stepInputs } from "./plan";

/** Parameters on the device by name (`conv1.0.weight`). */
export type Parameters = ReadonlyMap<string, Tensor>;

/** The batch statistics of one BatchNorm; `variance` is biased. */
export interface Statistics {
  readonly mean: Tensor1D;
  readonly variance: Tensor1D;
}

/** Those of a batch, with the number of values a channel's statistics are made of. */
export interface BatchStatistics extends Statistics {
  readonly count: number;
}

type Shape = Tensor4D["shape"];

/** What the forward pass of a training step leaves for the backward pass. */
export interface Tape {
  readonly values: Map<NodeId, Tensor4D>;
  readonly statistics: ReadonlyMap<string, BatchStatistics>;
  /** Shape of every value, kept when the value itself is freed. */
  readonly shapes: ReadonlyMap<NodeId, Shape>;
}

function read<K, V>(map: ReadonlyMap<K, V>, key: K | undefined): V {
  const value = key === undefined ? undefined : map.get(key);
  if (value === undefined) throw new Error(`tfjs network: nothing at ${String(key)}`);
  return value;
}

const vector = (parameters: Parameters, name: string): Tensor1D => read(parameters, name) as Tensor1D;

/** A plan's forward and backward passes on one backend. Gradients come from an own reverse walk over the steps. */
export class Network {
  private readonly tf: Tf;
  private readonly kernels: Kernels;
  private readonly plan: Plan;
  private readonly onAllocated: () => void;

  /** `onAllocated` is called where much memory is live, so that a peak can be noted. */
  constructor(tf: Tf, kernels: Kernels, plan: Plan, onAllocated: () => void) {
    this.tf = tf;
    this.kernels = kernels;
    this.plan = plan;
    this.onAllocated = onAllocated;
  }

  /** Evaluation mode. `statistics` are the running ones. The input is disposed of. */
  infer(input: Tensor4D, parameters: Parameters, statistics: ReadonlyMap<string, Statistics>): Tensor4D {
    const values = new Map([[this.plan.input, input]]);
    this.plan.steps.forEach((step, index) => {
      const x = read(values, stepInputs(step)[0]);
      if (step.op === "batchNorm") {
        const running = read(statistics, step.name);
        values.set(
          step.output,
          this.kernels.batchNormInference(
            x,
            vector(parameters, `${step.name}.weight`),
            vector(parameters, `${step.name}.bias`),
            running.mean,
            running.variance,
            step.relu,
            step.epsilon,
          ),
        );
      } else values.set(step.output, this.forward(step, values, parameters));
      this.onAllocated();
      this.free(values, this.plan.lastReads[index] ?? []);
    });
    return read(values, this.plan.output);
  }

  /** Training mode: BatchNorm by the batch. The tape owns the input and everything the backward pass needs. */
  forwardTraining(
    input: Tensor4D,
    parameters: Parameters,
  ): { readonly output: Tensor4D; readonly tape: Tape } {
    const values = new Map([[this.plan.input, input]]);
    const statistics = new Map<string, BatchStatistics>();
    const shapes = new Map<NodeId, Shape>([[this.plan.input, input.shape]]);
    this.plan.steps.forEach((step, index) => {
      if (step.op === "batchNorm") {
        const { y, mean, variance } = this.kernels.batchNormTraining(
          read(values, step.input),
          vector(parameters, `${step.name}.weight`),
          vector(parameters, `${step.name}.bias`),
          step.relu,
          step.epsilon,
        );
        values.set(step.output, y);
        statistics.set(step.name, { mean, variance, count: y.size / y.shape[3] });
      } else values.set(step.output, this.forward(step, values, parameters));
      shapes.set(step.output, read(values, step.output).shape);
      this.onAllocated();
      this.free(
        values,
        (this.plan.lastReads[index] ?? []).filter((id) => !this.plan.saved.has(id)),
      );
    });
    return { output: read(values, this.plan.output), tape: { values, statistics, shapes } };
  }

  /**
   * Gradients by parameter name, from the gradient of the output. Disposes of the tape's values and of `gradient` as it
   * goes; the statistics stay.
   */
  backward(tape: Tape, gradient: Tensor4D, parameters: Parameters): Map<string, Tensor> {
    const byParameter = new Map<string, Tensor>();
    const gradients = new Map([[this.plan.output, gradient]]);
    for (const step of this.plan.steps.toReversed()) {
      const dy = read(gradients, step.output);
      this.backwardStep(step, dy, tape, parameters, gradients, byParameter);
      this.onAllocated();
      this.free(gradients, [step.output]);
      this.free(tape.values, [step.output]);
    }
    this.free(tape.values, [this.plan.input]);
    return byParameter;
  }

  /** Every step but BatchNorm, whose two modes differ. */
  private forward(
    step: Exclude<Step, { op: "batchNorm" }>,
    values: ReadonlyMap<NodeId, Tensor4D>,
    parameters: Parameters,
  ): Tensor4D {
    const { kernels } = this;
    switch (step.op) {
      case "conv":
        return kernels.conv(
          read(values, step.input),
          read(parameters, `${step.name}.weight`) as Tensor4D,
          vector(parameters, `${step.name}.bias`),
          step.relu,
        );
      case "upconv":
        return kernels.upconv(
          read(values, step.input),
          read(parameters, `${step.name}.weight`) as Tensor2D,
          vector(parameters, `${step.name}.bias`),
        );
      case "relu":
        return kernels.relu(read(values, step.input));
      case "maxPool":
        return kernels.maxPool(read(values, step.input));
      case "upsample":
        return kernels.upsample(read(values, step.input));
      case "concat":
        return kernels.concat(step.inputs.map((id) => read(values, id)));
      case "subtract":
        return this.tf.sub<Tensor4D>(read(values, step.inputs[0]), read(values, step.inputs[1]));
      default:
        return step satisfies never;
    }
  }

  private backwardStep(
    step: Step,
    dy: Tensor4D,
    { values, statistics, shapes }: Tape,
    parameters: Parameters,
    gradients: Map<NodeId, Tensor4D>,
    byParameter: Map<string, Tensor>,
  ): void {
    const { kernels, tf } = this;
    const wanted = (id: NodeId): boolean => this.plan.wantsGradient.has(id);
    const give = (id: NodeId, dx: Tensor4D): void => {
      const before = gradients.get(id);
      gradients.set(id, before ? tf.add<Tensor4D>(before, dx) : dx);
      if (before) tf.dispose([before, dx]);
    };
    switch (step.op) {
      case "conv": {
        const { masked, sums } = step.relu
          ? kernels.reluBiasGradient(read(values, step.output), dy)
          : { masked: dy, sums: kernels.channelSums(dy) };
        byParameter.set(
          `${step.name}.weight`,
          kernels.convFilterGradient(read(values, step.input), masked, step.kernel),
        );
        byParameter.set(`${step.name}.bias`, sums);
        if (wanted(step.input))
          give(
            step.input,
            kernels.convInputGradient(masked, read(parameters, `${step.name}.weight`) as Tensor4D),
          );
        if (masked !== dy) masked.dispose();
        return;
      }
      case "upconv": {
        const { dx, dWeight } = kernels.upconvGradients(
          read(values, step.input),
          dy,
          read(parameters, `${step.name}.weight`) as Tensor2D,
        );
        byParameter.set(`${step.name}.weight`, dWeight);
        byParameter.set(`${step.name}.bias`, kernels.channelSums(dy));
        if (wanted(step.input)) give(step.input, dx);
        else dx.dispose();
        return;
      }
      case "batchNorm": {
        const { mean, variance } = read(statistics, step.name);
        const { dx, dGamma, dBeta } = kernels.batchNormGradients(
          read(values, step.input),
          step.relu ? read(values, step.output) : null,
          dy,
          vector(parameters, `${step.name}.weight`),
          mean,
          variance,
          step.epsilon,
        );
        byParameter.set(`${step.name}.weight`, dGamma);
        byParameter.set(`${step.name}.bias`, dBeta);
        if (wanted(step.input)) give(step.input, dx);
        else dx.dispose();
        return;
      }
      case "relu":
        if (wanted(step.input)) give(step.input, kernels.reluGradient(read(values, step.output), dy));
        return;
      case "maxPool":
        if (wanted(step.input))
          give(step.input, kernels.maxPoolGradient(read(values, step.input), read(values, step.output), dy));
        return;
      case "upsample":
        if (wanted(step.input)) give(step.input, kernels.upsampleGradient(dy));
        return;
      case "concat":
        this.splitConcat(step.inputs, shapes, dy, (id, dx) => {
          if (wanted(id)) give(id, dx);
          else dx.dispose();
        });
        return;
      case "subtract": {
        const [first, second] = step.inputs;
        // A copy of its own: `dy` is freed when the step is done.
        if (wanted(first)) give(first, tf.clone(dy));
        if (wanted(second)) give(second, tf.neg(dy));
        return;
      }
      default:
        step satisfies never;
    }
  }

  /** Hands each input of a concatenation its slice of the gradient. */
  private splitConcat(
    inputs: readonly NodeId[],
    shapes: ReadonlyMap<NodeId, Shape>,
    dy: Tensor4D,
    give: (id: NodeId, dx: Tensor4D) => void,
  ): void {
    let offset = 0;
    for (const id of inputs) {
      const count = read(shapes, id)[3];
      give(id, this.kernels.channels(dy, offset, count));
      offset += count;
    }
  }

  private free(values: Map<NodeId, Tensor4D>, ids: readonly NodeId[]): void {
    for (const id of ids) {
      values.get(id)?.dispose();
      values.delete(id);
    }
  }
}
