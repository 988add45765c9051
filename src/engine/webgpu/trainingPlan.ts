import { addForward } from "./forward";
import { convDgrad } from "./kernels/convDgrad";
import { convWgrad } from "./kernels/convWgrad";
import { headBackward, headLoss, lossFinish } from "./kernels/head";
import type { PartialKernel, SourceSpec, Target } from "./kernels/kernel";
import { maxPoolBackward } from "./kernels/maxPool";
import {
  normBackward,
  normBackwardFinish,
  normBackwardSums,
  normFinish,
  normMoments,
  reluBackward,
} from "./kernels/norm";
import { sumSplits } from "./kernels/sumSplits";
import { upconvDgrad, upconvWgrad } from "./kernels/upconv";
import { upsampleBackward } from "./kernels/upsample";
import { type FeatureId, type Stage, sourcesOf } from "./lower";
import type { Network, TensorTarget } from "./network";
import { type BindingTarget, type Plan, PlanBuilder } from "./plan";

export interface TrainingPlan extends Plan {
  /** Uploaded before: f32 [N, H, W]. */
  readonly noisy: number;
  readonly clean: number;
  /** Dispatches of the forward pass, the loss included. */
  readonly forwardDispatches: number;
}

const SCALING: BindingTarget = { kind: "permanent", name: "scaling", offset: 0, bytes: 16 };
const LOSS: BindingTarget = { kind: "permanent", name: "loss", offset: 0, bytes: 16 };

type StageOf<Op extends Stage["op"]> = Extract<Stage, { op: Op }>;

/** Forward in training mode, loss, and backward into the flat gradient buffer. */
export function planTraining(network: Network, loss: "l1" | "l2", target: Target): TrainingPlan {
  return new TrainingPlanner(network, loss, target).plan();
}

class TrainingPlanner {
  private readonly network: Network;
  private readonly loss: "l1" | "l2";
  private readonly target: Target;
  private readonly builder = new PlanBuilder();
  private readonly stored = new Map<FeatureId, TensorTarget>();
  /** Gradients by feature: of the value seen, and once its BatchNorm or ReLU was gone through, of the value stored. */
  private readonly gradients = new Map<FeatureId, TensorTarget>();
  /** Features whose ReLU the writer of their gradient has applied already. */
  private readonly masked = new Set<FeatureId>();
  private readonly readers = new Map<FeatureId, number>();

  constructor(network: Network, loss: "l1" | "l2", target: Target) {
    this.network = network;
    this.loss = loss;
    this.target = target;
    for (const stage of network.lowered.stages) {
      if (stage.op === "norm") continue;
      for (const id of sourcesOf(stage)) this.readers.set(id, (this.readers.get(id) ?? 0) + 1);
    }
  }

  plan(): TrainingPlan {
    const { network, builder } = this;
    const { lowered } = network;
    const noisy = builder.tensor("noisy", network.bytes(lowered.input), true);
    const clean = builder.tensor("clean", network.bytes(lowered.input), true);
    this.stored.set(lowered.input, noisy);
    let headGradient: TensorTarget | null = null;
    for (const stage of lowered.stages) {
      if (stage.op === "norm") this.normForward(stage);
      else if (stage.op === "head") headGradient = this.headForward(stage, clean);
      else addForward(builder, network, this.stored, stage, this.target);
    }
    const forwardDispatches = builder.dispatchCount;
    for (const stage of lowered.stages.toReversed()) {
      switch (stage.op) {
        case "head":
          if (headGradient) this.headBackward(stage, headGradient);
          break;
        case "norm":
          this.normBackward(stage);
          break;
        case "conv":
          this.convBackward(stage);
          break;
        case "upconv":
          this.upconvBackward(stage);
          break;
        case "maxPool":
          this.maxPoolBackward(stage);
          break;
        case "upsample":
          this.upsampleBackward(stage);
          break;
        default:
          stage satisfies never;
      }
    }
    return { ...builder.finish(), noisy: noisy.tensor, clean: clean.tensor, forwardDispatches };
  }

  private tensor(id: FeatureId): TensorTarget {
    return this.stored.get(id) as TensorTarget;
  }

  private gradient(id: FeatureId): TensorTarget {
    return this.gradients.get(id) as TensorTarget;
  }

  /** Where ∂feature goes: the first writer makes the tensor, later ones add to it. */
  private contribution(id: FeatureId): { readonly output: TensorTarget; readonly accumulate: boolean } {
    const known = this.gradients.get(id);
    if (known) return { output: known, accumulate: true };
    const output = this.builder.tensor(`∂${this.network.feature(id).label}`, this.network.bytes(id));
    this.gradients.set(id, output);
    return { output, accumulate: false };
  }

  private single(id: FeatureId): { readonly source: SourceSpec; readonly norms: readonly BindingTarget[] } {
    const { specs, norms } = this.network.sources([id]);
    return { source: specs[0] as SourceSpec, norms };
  }

  private partials(kernel: PartialKernel): TensorTarget {
    return this.builder.tensor(`partials of ${kernel.label}`, 4 * kernel.splits * kernel.partialFloats);
  }

  private normForward({ name, feature }: StageOf<"norm">): void {
    const { network, builder, target } = this;
    const spec = { ...network.extent(feature), channels: network.channels(feature) };
    const moments = normMoments(spec, target);
    const partials = this.partials(moments);
    builder.add(`${name} moments`, moments, [this.tensor(feature), partials]);
    builder.add(`${name} statistics`, normFinish({ ...spec, rows: moments.splits }, target), [
      partials,
      network.parameter(`${name}.weight`),
      network.parameter(`${name}.bias`),
      network.normOf(name),
      network.running(name),
    ]);
  }

  private normBackward({ name, feature }: StageOf<"norm">): void {
    const { network, builder, target } = this;
    const { relu } = network.feature(feature);
    const spec = { ...network.extent(feature), channels: network.channels(feature) };
    const sums = normBackwardSums({ ...spec, relu }, target);
    const partials = this.partials(sums);
    const factors = builder.tensor(`factors of ${name}`, 12 * spec.channels);
    const values = this.tensor(feature);
    const gradient = this.gradient(feature);
    const norms = network.normOf(name);
    builder.add(`${name} backward sums`, sums, [values, norms, gradient, partials]);
    builder.add(`${name} backward factors`, normBackwardFinish({ ...spec, rows: sums.splits }, target), [
      partials,
      norms,
      network.parameter(`${name}.weight`),
      network.gradient(`${name}.weight`),
      network.gradient(`${name}.bias`),
      factors,
    ]);
    builder.add(`${name} backward`, normBackward({ ...spec, relu }, target), [
      values,
      norms,
      factors,
      gradient,
    ]);
  }

  private headForward({ name, source: id }: StageOf<"head">, clean: TensorTarget): TensorTarget {
    const { network, builder, target } = this;
    const { source, norms } = this.single(id);
    const extent = network.extent(id);
    const kernel = headLoss({ ...extent, source, loss: this.loss }, target);
    const gradient = builder.tensor("∂output", network.bytes(network.lowered.input));
    const partials = this.partials(kernel);
    builder.add(`${name} forward, loss`, kernel, [
      network.parameter(`${name}.weight`),
      network.parameter(`${name}.bias`),
      ...norms,
      this.tensor(id),
      clean,
      gradient,
      partials,
      ...(network.storage === "f16" ? [SCALING] : []),
    ]);
    const count = extent.images * extent.height * extent.width;
    builder.add("loss", lossFinish({ rows: kernel.splits, count }, target), [partials, LOSS]);
    return gradient;
  }

  private headBackward({ name, source: id }: StageOf<"head">, gradient: TensorTarget): void {
    const { network, builder, target } = this;
    const { source, norms } = this.single(id);
    const { output, accumulate } = this.contribution(id);
    const kernel = headBackward({ ...network.extent(id), source, accumulate }, target);
    const partials = this.partials(kernel);
    builder.add(`${name} backward`, kernel, [
      network.parameter(`${name}.weight`),
      ...norms,
      this.tensor(id),
      gradient,
      output,
      partials,
    ]);
    this.sum(
      name,
      kernel,
      { taps: 1, channels: 1, firstChannel: 0, inChannels: 1, rowFloats: source.channels, bias: true },
      partials,
    );
  }

  private convBackward(stage: StageOf<"conv">): void {
    const { network, builder, target } = this;
    const { name, sources, output: out } = stage;
    const { storedRelu, norm } = network.feature(out);
    const extent = network.extent(out);
    const outChannels = network.channels(out);
    const gradient = this.gradient(out);
    if (storedRelu && !this.masked.has(out))
      builder.add(`${name} relu backward`, reluBackward({ ...extent, channels: outChannels }, target), [
        this.tensor(out),
        gradient,
      ]);
    const inChannels = sources.reduce((sum, id) => sum + network.channels(id), 0);
    let firstChannel = 0;
    for (const [index, id] of sources.entries()) {
      const { source, norms } = this.single(id);
      const { channels } = source;
      // A bias before BatchNorm is subtracted again with the mean: its gradient is zero, as the buffer is.
      const bias = index === 0 && norm === null;
      const wgrad = convWgrad({ ...extent, source, outChannels, bias }, target);
      const partials = this.partials(wgrad);
      builder.add(`${name} wgrad`, wgrad, [...norms, this.tensor(id), gradient, partials]);
      this.sum(
        name,
        wgrad,
        { taps: 9, channels, firstChannel, inChannels, rowFloats: outChannels, bias },
        partials,
      );
      if (id !== network.lowered.input) {
        const { output, accumulate } = this.contribution(id);
        const mask = network.feature(id).storedRelu && this.readers.get(id) === 1;
        if (mask) this.masked.add(id);
        const dgrad = convDgrad(
          { ...extent, inChannels, firstChannel, channels, outChannels, mask, accumulate },
          target,
        );
        builder.add(`${name} dgrad`, dgrad, [
          network.parameter(`${name}.weight`),
          gradient,
          ...(mask ? [this.tensor(id)] : []),
          output,
        ]);
      }
      firstChannel += channels;
    }
  }

  private upconvBackward({ name, source: id, output: out }: StageOf<"upconv">): void {
    const { network, builder, target } = this;
    const { source, norms } = this.single(id);
    const extent = network.extent(id);
    const outChannels = network.channels(out);
    const gradient = this.gradient(out);
    const wgrad = upconvWgrad({ ...extent, source, outChannels }, target);
    const partials = this.partials(wgrad);
    const { channels } = source;
    builder.add(`${name} wgrad`, wgrad, [...norms, this.tensor(id), gradient, partials]);
    this.sum(
      name,
      wgrad,
      { taps: 4, channels, firstChannel: 0, inChannels: channels, rowFloats: outChannels, bias: true },
      partials,
    );
    const { output, accumulate } = this.contribution(id);
    builder.add(`${name} dgrad`, upconvDgrad({ ...extent, channels, outChannels, accumulate }, target), [
      network.parameter(`${name}.weight`),
      gradient,
      output,
    ]);
  }

  private maxPoolBackward({ source: id, output: out }: StageOf<"maxPool" | "upsample">): void {
    const { network, builder, target } = this;
    const { source, norms } = this.single(id);
    const gradient = this.gradient(out);
    const { output, accumulate } = this.contribution(id);
    const kernel = maxPoolBackward({ ...network.extent(id), source, accumulate }, target);
    builder.add(`${network.feature(out).label} backward`, kernel, [
      ...norms,
      this.tensor(id),
      gradient,
      output,
    ]);
  }

  private upsampleBackward({ source: id, output: out }: StageOf<"maxPool" | "upsample">): void {
    const { network, builder, target } = this;
    const gradient = this.gradient(out);
    const { output, accumulate } = this.contribution(id);
    const kernel = upsampleBackward(
      { ...network.extent(id), channels: network.channels(id), accumulate },
      target,
    );
    builder.add(`${network.feature(out).label} backward`, kernel, [gradient, output]);
  }

  /** Second pass of a weight gradient. */
  private sum(
    name: string,
    { splits, partialFloats }: PartialKernel,
    rows: {
      readonly taps: number;
      readonly channels: number;
      readonly firstChannel: number;
      readonly inChannels: number;
      readonly rowFloats: number;
      readonly bias: boolean;
    },
    partials: TensorTarget,
  ): void {
    const kernel = sumSplits({ splits, partialFloats, ...rows }, this.target);
    this.builder.add(`${name} wgrad sum`, kernel, [
      partials,
      this.network.gradient(`${name}.weight`),
      ...(rows.bias ? [this.network.gradient(`${name}.bias`)] : []),
    ]);
  }
}
