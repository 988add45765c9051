import type { Statistics } from "@/engine/synchroniser";
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
import {
  normBySharedMoments,
  normFactorsBySharedSums,
  normOwnMoments,
  normOwnSums,
} from "./kernels/normShared";
import { residualLoss } from "./kernels/residual";
import { type SumSplitsSpec, sumSplits } from "./kernels/sumSplits";
import { upconvDgrad, upconvWgrad } from "./kernels/upconv";
import { upsampleBackward } from "./kernels/upsample";
import { pixelsOf, type RowParts } from "./kernels/wgsl";
import { aligned } from "./layout";
import { type FeatureId, type Stage, sourcesOf } from "./lower";
import type { Network, PartTensors, TensorTarget } from "./network";
import { type BindingTarget, type Plan, PlanBuilder } from "./plan";

export interface TrainingPlan extends Plan {
  /** Images of each part, in order. */
  readonly parts: readonly number[];
  /** Tensors by part, uploaded before: f32 [N, H, W]. */
  readonly noisy: readonly number[];
  readonly clean: readonly number[];
  /** Dispatches of the forward pass, the loss included. */
  readonly forwardDispatches: number;
  /** Where the pass waits for the statistics of all replicas; none: it goes by its own. */
  readonly exchanges: readonly PlannedExchange[];
}

/** One BatchNorm's statistics of `count` values a channel, between two dispatches. */
export interface PlannedExchange {
  readonly kind: Statistics["kind"];
  readonly name: string;
  readonly count: number;
  /** Dispatches before it. */
  readonly after: number;
}

const SCALING: BindingTarget = { kind: "permanent", name: "scaling", offset: 0, bytes: 16 };
const LOSS: BindingTarget = { kind: "permanent", name: "loss", offset: 0, bytes: 16 };

/** Which of the network's parts, and its images. */
interface Part {
  readonly index: number;
  readonly images: number;
}

type StageOf<Op extends Stage["op"]> = Extract<Stage, { op: Op }>;

export interface TrainingPlanOptions {
  readonly loss: "l1" | "l2";
  /** Images of the whole batch, where the plan's are some of them: the loss is the mean over all. Default: the plan's. */
  readonly batchImages?: number;
  /** Gradients are added to what is there: the plan's images are not the first of their batch. */
  readonly accumulate?: boolean;
  /** BatchNorm by the statistics of all replicas. The plan's images are then all that this replica has of the batch. */
  readonly synchronised?: boolean;
}

/** Forward in training mode, loss, and backward into the flat gradient buffer. */
export function planTraining(network: Network, options: TrainingPlanOptions, target: Target): TrainingPlan {
  return new TrainingPlanner(network, options, target).plan();
}

class TrainingPlanner {
  private readonly network: Network;
  private readonly loss: "l1" | "l2";
  private readonly batchImages: number;
  private readonly accumulate: boolean;
  private readonly synchronised: boolean;
  private readonly exchanges: PlannedExchange[] = [];
  private readonly target: Target;
  private readonly builder = new PlanBuilder();
  private readonly stored = new Map<FeatureId, PartTensors>();
  /** Gradients by feature: of the value seen, and once its BatchNorm or ReLU was gone through, of the value stored. */
  private readonly gradients = new Map<FeatureId, PartTensors>();
  /** Features whose ReLU the writer of their gradient has applied already. */
  private readonly masked = new Set<FeatureId>();
  private readonly readers = new Map<FeatureId, number>();

  constructor(
    network: Network,
    { loss, batchImages = network.images, accumulate = false, synchronised = false }: TrainingPlanOptions,
    target: Target,
  ) {
    this.network = network;
    this.loss = loss;
    this.batchImages = batchImages;
    this.accumulate = accumulate;
    this.synchronised = synchronised;
    this.target = target;
    for (const stage of network.lowered.stages) {
      if (stage.op === "norm") continue;
      for (const id of sourcesOf(stage)) this.readers.set(id, (this.readers.get(id) ?? 0) + 1);
    }
  }

  plan(): TrainingPlan {
    const { network, builder } = this;
    const { lowered } = network;
    const noisy = network.tensors(builder, lowered.input, "noisy", true);
    const clean = network.tensors(builder, lowered.input, "clean", true);
    this.stored.set(lowered.input, noisy);
    let headGradients: PartTensors = [];
    for (const stage of lowered.stages) {
      if (stage.op === "norm") this.normForward(stage);
      else if (stage.op === "head") headGradients = this.headForward(stage, clean);
      else if (stage.op === "residual") this.residualForward(stage, noisy, clean);
      else addForward(builder, network, this.stored, stage, this.target);
    }
    const forwardDispatches = builder.dispatchCount;
    for (const stage of lowered.stages.toReversed()) {
      switch (stage.op) {
        case "head":
          this.headBackward(stage, headGradients);
          break;
        case "residual":
          // Its forward kernel has written the gradient of what it read.
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
    return {
      ...builder.finish(),
      parts: network.parts,
      noisy: noisy.map(({ tensor }) => tensor),
      clean: clean.map(({ tensor }) => tensor),
      forwardDispatches,
      exchanges: this.exchanges,
      stops: this.exchanges.map(({ after }) => after),
    };
  }

  private eachPart(work: (part: Part) => void): void {
    for (const [index, images] of this.network.parts.entries()) work({ index, images });
  }

  private tensor(id: FeatureId, { index }: Part): TensorTarget {
    return (this.stored.get(id) as PartTensors)[index] as TensorTarget;
  }

  private gradient(id: FeatureId, { index }: Part): TensorTarget {
    return (this.gradients.get(id) as PartTensors)[index] as TensorTarget;
  }

  /** Where ∂feature goes: the first stage that contributes makes the tensors, later ones add to them. */
  private contribution(id: FeatureId): { readonly outputs: PartTensors; readonly accumulate: boolean } {
    const known = this.gradients.get(id);
    if (known) return { outputs: known, accumulate: true };
    const outputs = this.network.tensors(this.builder, id, `∂${this.network.feature(id).label}`);
    this.gradients.set(id, outputs);
    return { outputs, accumulate: false };
  }

  private single(id: FeatureId): { readonly source: SourceSpec; readonly norms: readonly BindingTarget[] } {
    const { specs, norms } = this.network.sources([id]);
    return { source: specs[0] as SourceSpec, norms };
  }

  /** A tensor for the partial sums that one kernel a part makes, and what their second pass must know of it. */
  private partials(kernels: readonly PartialKernel[]): {
    readonly targets: readonly TensorTarget[];
    readonly whole: TensorTarget;
    readonly rows: { readonly rows: number; readonly parts?: RowParts };
  } {
    const [first] = kernels as readonly [PartialKernel];
    const rows = kernels.reduce((sum, { splits }) => sum + splits, 0);
    const floatsOf = ({ splits, partialFloats }: PartialKernel): number => splits * partialFloats;
    const strideFloats = aligned(floatsOf(first));
    const label = `partials of ${first.label}`;
    if (kernels.length === 1) {
      const whole = this.builder.tensor(label, 4 * floatsOf(first));
      return { targets: [whole], whole, rows: { rows } };
    }
    const whole = this.builder.tensor(label, 4 * strideFloats * kernels.length);
    return {
      targets: kernels.map((kernel, part) => ({
        ...whole,
        range: { offset: 4 * strideFloats * part, bytes: 4 * floatsOf(kernel) },
      })),
      whole,
      rows: { rows, parts: { rows: first.splits, strideFloats } },
    };
  }

  private normForward({ name, feature, epsilon }: StageOf<"norm">): void {
    const { network, builder, target } = this;
    const channels = network.channels(feature);
    const moments = network.parts.map((images) =>
      normMoments({ ...network.extent(feature, images), channels }, target),
    );
    const { targets, whole, rows } = this.partials(moments);
    this.eachPart((part) =>
      builder.add(`${name} moments`, moments[part.index] as PartialKernel, [
        this.tensor(feature, part),
        targets[part.index] as TensorTarget,
      ]),
    );
    const spec = { ...network.extent(feature, network.images), channels, epsilon, ...rows };
    const affine = [network.parameter(`${name}.weight`), network.parameter(`${name}.bias`)];
    const norms = network.normOf(name);
    if (!this.synchronised) {
      const bound = [whole, ...affine, norms, network.running(name)];
      builder.add(`${name} statistics`, normFinish(spec, target), bound);
      return;
    }
    const statistics = network.statistics(name);
    builder.add(`${name} own statistics`, normOwnMoments(spec, target), [whole, statistics]);
    this.exchange("moments", name, pixelsOf(spec));
    builder.add(`${name} shared statistics`, normBySharedMoments({ channels, epsilon }, target), [
      statistics,
      ...affine,
      norms,
    ]);
  }

  private exchange(kind: PlannedExchange["kind"], name: string, count: number): void {
    this.exchanges.push({ kind, name, count, after: this.builder.dispatchCount });
  }

  private normBackward({ name, feature }: StageOf<"norm">): void {
    const { network, builder, target, accumulate } = this;
    const { relu } = network.feature(feature);
    const channels = network.channels(feature);
    const specOf = (images: number) => ({ ...network.extent(feature, images), channels, relu });
    const sums = network.parts.map((images) => normBackwardSums(specOf(images), target));
    const { targets, whole, rows } = this.partials(sums);
    const factors = builder.tensor(`factors of ${name}`, 12 * channels);
    const norms = network.normOf(name);
    this.eachPart((part) =>
      builder.add(`${name} backward sums`, sums[part.index] as PartialKernel, [
        this.tensor(feature, part),
        norms,
        this.gradient(feature, part),
        targets[part.index] as TensorTarget,
      ]),
    );
    const spec = { ...network.extent(feature, network.images), channels, accumulate, ...rows };
    const gamma = network.parameter(`${name}.weight`);
    const gradients = [network.gradient(`${name}.weight`), network.gradient(`${name}.bias`)];
    if (this.synchronised) {
      const statistics = network.statistics(name);
      const count = pixelsOf(spec);
      builder.add(`${name} backward own sums`, normOwnSums(spec, target), [whole, ...gradients, statistics]);
      this.exchange("sums", name, count);
      const kernel = normFactorsBySharedSums({ channels, count }, target);
      builder.add(`${name} backward shared factors`, kernel, [statistics, norms, gamma, factors]);
    } else {
      const bound = [whole, norms, gamma, ...gradients, factors];
      builder.add(`${name} backward factors`, normBackwardFinish(spec, target), bound);
    }
    this.eachPart((part) =>
      builder.add(`${name} backward`, normBackward(specOf(part.images), target), [
        this.tensor(feature, part),
        norms,
        factors,
        this.gradient(feature, part),
      ]),
    );
  }

  private headForward({ name, source: id }: StageOf<"head">, clean: PartTensors): PartTensors {
    const { network, builder, target } = this;
    const { source, norms } = this.single(id);
    const { height, width } = network.feature(id);
    const count = this.batchImages * height * width;
    const kernels = network.parts.map((images) =>
      headLoss({ ...network.extent(id, images), source, loss: this.loss, count }, target),
    );
    const gradients = network.tensors(builder, network.lowered.input, "∂output");
    const { targets, whole, rows } = this.partials(kernels);
    this.eachPart((part) =>
      builder.add(`${name} forward, loss`, kernels[part.index] as PartialKernel, [
        network.parameter(`${name}.weight`),
        network.parameter(`${name}.bias`),
        ...norms,
        this.tensor(id, part),
        clean[part.index] as TensorTarget,
        gradients[part.index] as TensorTarget,
        targets[part.index] as TensorTarget,
        ...(network.storage === "f16" ? [SCALING] : []),
      ]),
    );
    builder.add("loss", lossFinish({ ...rows, count, accumulate: this.accumulate }, target), [whole, LOSS]);
    return gradients;
  }

  /** Loss and, at once, the gradient of the feature that is subtracted: it is the negative of the output's. */
  private residualForward({ source: id }: StageOf<"residual">, noisy: PartTensors, clean: PartTensors): void {
    const { network, builder, target } = this;
    const { height, width } = network.feature(id);
    const count = this.batchImages * height * width;
    const kernels = network.parts.map((images) =>
      residualLoss({ ...network.extent(id, images), loss: this.loss, count }, target),
    );
    const { outputs } = this.contribution(id);
    const { targets, whole, rows } = this.partials(kernels);
    this.eachPart((part) =>
      builder.add("residual forward, loss", kernels[part.index] as PartialKernel, [
        noisy[part.index] as TensorTarget,
        this.tensor(id, part),
        clean[part.index] as TensorTarget,
        outputs[part.index] as TensorTarget,
        targets[part.index] as TensorTarget,
        ...(network.storage === "f16" ? [SCALING] : []),
      ]),
    );
    builder.add("loss", lossFinish({ ...rows, count, accumulate: this.accumulate }, target), [whole, LOSS]);
  }

  private headBackward({ name, source: id }: StageOf<"head">, gradients: PartTensors): void {
    const { network, builder, target } = this;
    const { source, norms } = this.single(id);
    const { outputs, accumulate } = this.contribution(id);
    this.eachPart((part) => {
      const kernel = headBackward({ ...network.extent(id, part.images), source, accumulate }, target);
      const { whole } = this.partials([kernel]);
      builder.add(`${name} backward`, kernel, [
        network.parameter(`${name}.weight`),
        ...norms,
        this.tensor(id, part),
        gradients[part.index] as TensorTarget,
        outputs[part.index] as TensorTarget,
        whole,
      ]);
      this.sum(
        part,
        name,
        kernel,
        { taps: 1, channels: 1, firstChannel: 0, inChannels: 1, rowFloats: source.channels, bias: true },
        whole,
      );
    });
  }

  private convBackward(stage: StageOf<"conv">): void {
    const { network, builder, target } = this;
    const { name, sources, output: out } = stage;
    const { storedRelu, norm } = network.feature(out);
    const outChannels = network.channels(out);
    if (storedRelu && !this.masked.has(out))
      this.eachPart((part) => {
        const spec = { ...network.extent(out, part.images), channels: outChannels };
        builder.add(`${name} relu backward`, reluBackward(spec, target), [
          this.tensor(out, part),
          this.gradient(out, part),
        ]);
      });
    const inChannels = sources.reduce((sum, id) => sum + network.channels(id), 0);
    let firstChannel = 0;
    for (const [index, id] of sources.entries()) {
      const { source, norms } = this.single(id);
      const { channels } = source;
      // A bias before BatchNorm is subtracted again with the mean: its gradient is zero, as the buffer is.
      const bias = index === 0 && norm === null;
      const rows = { taps: 9, channels, firstChannel, inChannels, rowFloats: outChannels, bias };
      this.eachPart((part) => {
        const extent = network.extent(out, part.images);
        const wgrad = convWgrad({ ...extent, source, outChannels, bias }, target);
        const { whole } = this.partials([wgrad]);
        const gradient = this.gradient(out, part);
        builder.add(`${name} wgrad`, wgrad, [...norms, this.tensor(id, part), gradient, whole]);
        this.sum(part, name, wgrad, rows, whole);
      });
      if (id !== network.lowered.input) {
        const { outputs, accumulate } = this.contribution(id);
        const mask = network.feature(id).storedRelu && this.readers.get(id) === 1;
        if (mask) this.masked.add(id);
        const shape = { inChannels, firstChannel, channels, outChannels, mask, accumulate };
        this.eachPart((part) => {
          const dgrad = convDgrad({ ...network.extent(out, part.images), ...shape }, target);
          builder.add(`${name} dgrad`, dgrad, [
            network.parameter(`${name}.weight`),
            this.gradient(out, part),
            ...(mask ? [this.tensor(id, part)] : []),
            outputs[part.index] as TensorTarget,
          ]);
        });
      }
      firstChannel += channels;
    }
  }

  private upconvBackward({ name, source: id, output: out }: StageOf<"upconv">): void {
    const { network, builder, target } = this;
    const { source, norms } = this.single(id);
    const { channels } = source;
    const outChannels = network.channels(out);
    const { outputs, accumulate } = this.contribution(id);
    const rows = {
      taps: 4,
      channels,
      firstChannel: 0,
      inChannels: channels,
      rowFloats: outChannels,
      bias: true,
    };
    this.eachPart((part) => {
      const extent = network.extent(id, part.images);
      const gradient = this.gradient(out, part);
      const wgrad = upconvWgrad({ ...extent, source, outChannels }, target);
      const { whole } = this.partials([wgrad]);
      builder.add(`${name} wgrad`, wgrad, [...norms, this.tensor(id, part), gradient, whole]);
      this.sum(part, name, wgrad, rows, whole);
      const dgrad = upconvDgrad({ ...extent, channels, outChannels, accumulate }, target);
      const weight = network.parameter(`${name}.weight`);
      builder.add(`${name} dgrad`, dgrad, [weight, gradient, outputs[part.index] as TensorTarget]);
    });
  }

  private maxPoolBackward({ source: id, output: out }: StageOf<"maxPool" | "upsample">): void {
    const { network, builder, target } = this;
    const { source, norms } = this.single(id);
    const { outputs, accumulate } = this.contribution(id);
    this.eachPart((part) => {
      const kernel = maxPoolBackward({ ...network.extent(id, part.images), source, accumulate }, target);
      builder.add(`${network.feature(out).label} backward`, kernel, [
        ...norms,
        this.tensor(id, part),
        this.gradient(out, part),
        outputs[part.index] as TensorTarget,
      ]);
    });
  }

  private upsampleBackward({ source: id, output: out }: StageOf<"maxPool" | "upsample">): void {
    const { network, builder, target } = this;
    const { outputs, accumulate } = this.contribution(id);
    const channels = network.channels(id);
    this.eachPart((part) => {
      const kernel = upsampleBackward({ ...network.extent(id, part.images), channels, accumulate }, target);
      builder.add(`${network.feature(out).label} backward`, kernel, [
        this.gradient(out, part),
        outputs[part.index] as TensorTarget,
      ]);
    });
  }

  /** Second pass of a weight gradient: parts behind the first add to what those before them left. */
  private sum(
    { index }: Part,
    name: string,
    { splits, partialFloats }: PartialKernel,
    rows: Omit<SumSplitsSpec, "splits" | "partialFloats" | "accumulate">,
    partials: TensorTarget,
  ): void {
    const accumulate = this.accumulate || index > 0;
    const kernel = sumSplits({ splits, partialFloats, ...rows, accumulate }, this.target);
    this.builder.add(`${name} wgrad sum`, kernel, [
      partials,
      this.network.gradient(`${name}.weight`),
      ...(rows.bias ? [this.network.gradient(`${name}.bias`)] : []),
    ]);
  }
}
