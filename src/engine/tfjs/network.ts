import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import { LabError } from "@/contracts/failure";
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

/** What a pass asks at a BatchNorm where statistics are synchronised: its own of `count` values a channel, [C] each. */
export interface Asked {
  /** `moments`: mean and biased variance. `sums`: Σ g and Σ g·x̂. */
  readonly kind: "moments" | "sums";
  readonly count: number;
  readonly own: readonly [Tensor1D, Tensor1D];
}

/** Those of all replicas, in the same order; the pass disposes of them. */
export interface Answered {
  readonly count: number;
  readonly all: readonly [Tensor1D, Tensor1D];
}

/** A pass that stops where it asks; it asks nothing unless told to synchronise. */
export type Asking<T> = Generator<Asked, T, Answered>;

/** Runs a pass that asks nothing. */
export function unasked<T>(pass: Asking<T>): T {
  const turn = pass.next();
  if (!turn.done) throw new Error("tfjs network: a pass of one replica asks for statistics");
  return turn.value;
}

type Shape = Tensor4D["shape"];

/** What the forward pass of a training step leaves for the backward pass. */
export interface Tape {
  readonly values: Map<NodeId, Tensor4D>;
  readonly statistics: ReadonlyMap<string, BatchStatistics>;
  /** Shape of every value, kept when the value itself is freed. */
  readonly shapes: ReadonlyMap<NodeId, Shape>;
}

type NormStep = Extract<Step, { op: "batchNorm" }>;

/** What a backward pass has found so far: gradients by value, and by parameter. */
interface Found {
  readonly gradients: Map<NodeId, Tensor4D>;
  readonly byParameter: Map<string, Tensor>;
}

/** No node's: where a gradient lies while its pass is asked for. */
const OWN_GRADIENT: NodeId = -1;

const loneValue = (): LabError =>
  new LabError(
    "shape/batch",
    "BatchNorm cannot train on one value a channel (one image of 1×1 at the bottom of the network).",
    "Use at least two images a batch or a larger size.",
  );

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

  /**
   * Training mode: BatchNorm by the batch, or by those of all replicas. The tape owns the input and everything the backward pass
   * needs; a pass that throws, or is made to, leaves nothing.
   */
  *forwardTraining(
    input: Tensor4D,
    parameters: Parameters,
    synchronised: boolean,
  ): Asking<{ readonly output: Tensor4D; readonly tape: Tape }> {
    const values = new Map([[this.plan.input, input]]);
    const statistics = new Map<string, BatchStatistics>();
    const shapes = new Map<NodeId, Shape>([[this.plan.input, input.shape]]);
    try {
      for (const [index, step] of this.plan.steps.entries()) {
        if (step.op === "batchNorm") {
          const { y, batch } = yield* this.normForward(step, values, parameters, synchronised);
          values.set(step.output, y);
          statistics.set(step.name, batch);
        } else values.set(step.output, this.forward(step, values, parameters));
        shapes.set(step.output, read(values, step.output).shape);
        this.onAllocated();
        this.free(
          values,
          (this.plan.lastReads[index] ?? []).filter((id) => !this.plan.saved.has(id)),
        );
      }
    } catch (error) {
      this.drop({ values, statistics });
      throw error;
    }
    return { output: read(values, this.plan.output), tape: { values, statistics, shapes } };
  }

  /**
   * Gradients by parameter name, from the gradient of the output. Disposes of the tape's values and of `gradient` as it
   * goes; the statistics stay. A pass that throws, or is made to, leaves nothing but those.
   */
  *backward(
    tape: Tape,
    gradient: Tensor4D,
    parameters: Parameters,
    synchronised: boolean,
  ): Asking<Map<string, Tensor>> {
    const byParameter = new Map<string, Tensor>();
    const gradients = new Map([[this.plan.output, gradient]]);
    try {
      for (const step of this.plan.steps.toReversed()) {
        const dy = read(gradients, step.output);
        const found: Found = { gradients, byParameter };
        if (step.op === "batchNorm")
          yield* this.normBackward(step, dy, tape, parameters, found, synchronised);
        else this.backwardStep(step, dy, tape, parameters, found);
        this.onAllocated();
        this.free(gradients, [step.output]);
        this.free(tape.values, [step.output]);
      }
    } catch (error) {
      this.tf.dispose([...gradients.values(), ...byParameter.values(), ...tape.values.values()]);
      throw error;
    }
    this.free(tape.values, [this.plan.input]);
    return byParameter;
  }

  /** Disposes of what a pass holds. */
  drop({ values, statistics }: Pick<Tape, "values" | "statistics">): void {
    this.tf.dispose([
      ...values.values(),
      ...[...statistics.values()].flatMap(({ mean, variance }) => [mean, variance]),
    ]);
  }

  private *normForward(
    step: NormStep,
    values: ReadonlyMap<NodeId, Tensor4D>,
    parameters: Parameters,
    synchronised: boolean,
  ): Asking<{ readonly y: Tensor4D; readonly batch: BatchStatistics }> {
    const { kernels } = this;
    const x = read(values, step.input);
    const gamma = vector(parameters, `${step.name}.weight`);
    const beta = vector(parameters, `${step.name}.bias`);
    const own = kernels.batchNormTraining(x, gamma, beta, step.relu, step.epsilon);
    const ownCount = x.size / x.shape[3];
    if (!synchronised)
      return { y: own.y, batch: { mean: own.mean, variance: own.variance, count: ownCount } };
    own.y.dispose();
    const {
      all: [mean, variance],
      count,
    } = yield { kind: "moments", count: ownCount, own: [own.mean, own.variance] };
    if (count < 2) {
      this.tf.dispose([mean, variance]);
      throw loneValue();
    }
    const y = kernels.batchNormInference(x, gamma, beta, mean, variance, step.relu, step.epsilon);
    return { y, batch: { mean, variance, count } };
  }

  private *normBackward(
    step: NormStep,
    dy: Tensor4D,
    { values, statistics }: Tape,
    parameters: Parameters,
    found: Found,
    synchronised: boolean,
  ): Asking<void> {
    const { kernels, tf } = this;
    const { mean, variance } = read(statistics, step.name);
    const gamma = vector(parameters, `${step.name}.weight`);
    const x = read(values, step.input);
    const y = step.relu ? read(values, step.output) : null;
    const own = kernels.batchNormGradients(x, y, dy, gamma, mean, variance, step.epsilon);
    found.byParameter.set(`${step.name}.weight`, own.dGamma);
    found.byParameter.set(`${step.name}.bias`, own.dBeta);
    if (!synchronised) {
      this.give(step.input, own.dx, found);
      return;
    }
    // Where it can be found and freed, should the pass end here.
    found.gradients.set(OWN_GRADIENT, own.dx);
    const count = x.size / x.shape[3];
    // A copy: the asked are disposed of, and these are gradients.
    const { all } = yield { kind: "sums", count, own: [tf.clone(own.dBeta), tf.clone(own.dGamma)] };
    // dx is γ/σ · (dy − Σdy/M − x̂·Σ(dy·x̂)/M) by the own sums; what those of all differ by is added.
    const dx = tf.tidy(() => {
      const inverseStd = tf.rsqrt<Tensor1D>(tf.add(variance, step.epsilon));
      const factor = tf.div(tf.mul(gamma, inverseStd), count);
      const offset = tf.mul(factor, tf.sub(own.dBeta, all[0]));
      const slope = tf.mul(tf.mul(factor, inverseStd), tf.sub(own.dGamma, all[1]));
      return tf.add<Tensor4D>(own.dx, tf.add(tf.mul(tf.sub(x, mean), slope), offset));
    });
    tf.dispose([...all, own.dx]);
    found.gradients.delete(OWN_GRADIENT);
    this.give(step.input, dx, found);
  }

  /** Adds to the gradient of a value, or lets go of it where nobody wants it. */
  private give(id: NodeId, dx: Tensor4D, { gradients }: Found): void {
    if (!this.plan.wantsGradient.has(id)) {
      dx.dispose();
      return;
    }
    const before = gradients.get(id);
    gradients.set(id, before ? this.tf.add<Tensor4D>(before, dx) : dx);
    if (before) this.tf.dispose([before, dx]);
  }

  /** Every step but BatchNorm, whose two modes differ. */
  private forward(
    step: Exclude<Step, NormStep>,
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
    step: Exclude<Step, NormStep>,
    dy: Tensor4D,
    { values, shapes }: Tape,
    parameters: Parameters,
    found: Found,
  ): void {
    const { kernels } = this;
    const { byParameter } = found;
    const wanted = (id: NodeId): boolean => this.plan.wantsGradient.has(id);
    const give = (id: NodeId, dx: Tensor4D): void => this.give(id, dx, found);
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
        give(step.input, dx);
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
        this.splitConcat(step.inputs, shapes, dy, give);
        return;
      case "subtract": {
        const [first, second] = step.inputs;
        // A copy of its own: `dy` is freed when the step is done.
        if (wanted(first)) give(first, this.tf.clone(dy));
        if (wanted(second)) give(second, this.tf.neg(dy));
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
