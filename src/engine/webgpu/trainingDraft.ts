import type { Statistics } from "@/engine/synchroniser";
import type { PartialKernel, SourceSpec, Target } from "./kernels/kernel";
import { type SumSplitsSpec, sumSplits } from "./kernels/sumSplits";
import type { RowParts } from "./kernels/wgsl";
import { aligned } from "./layout";
import { type FeatureId, type Stage, sourcesOf } from "./lower";
import type { Network, PartTensors, TensorTarget } from "./network";
import { type BindingTarget, PlanBuilder } from "./plan";

export interface TrainingPlanOptions {
  readonly loss: "l1" | "l2";
  /** Images of the whole batch, where the plan's are some of them: the loss is the mean over all. Default: the plan's. */
  readonly batchImages?: number;
  /** Gradients are added to what is there: the plan's images are not the first of their batch. */
  readonly accumulate?: boolean;
  /** BatchNorm by the statistics of all replicas. The plan's images are then all that this replica has of the batch. */
  readonly synchronised?: boolean;
}

/** One BatchNorm's statistics of `count` values a channel, between two dispatches. */
export interface PlannedExchange {
  readonly kind: Statistics["kind"];
  readonly name: string;
  readonly count: number;
  /** Dispatches before it. */
  readonly after: number;
}

export type StageOf<Op extends Stage["op"]> = Extract<Stage, { op: Op }>;

/** Which of the network's parts, and its images. */
export interface Part {
  readonly index: number;
  readonly images: number;
}

/** What the partial sums of one kernel a part are written to, and what their second pass must know of it. */
export interface Partials {
  /** By part. */
  readonly targets: readonly TensorTarget[];
  readonly whole: TensorTarget;
  readonly rows: { readonly rows: number; readonly parts?: RowParts };
}

/**
 * A training plan in the making: what the stages' forward and backward dispatches share. It knows which tensor a feature is
 * stored in and which holds its gradient, and makes the tensors for partial sums.
 */
export class TrainingDraft {
  readonly network: Network;
  readonly options: Required<TrainingPlanOptions>;
  readonly target: Target;
  readonly builder = new PlanBuilder();
  readonly stored = new Map<FeatureId, PartTensors>();
  /** Features whose ReLU the writer of their gradient has applied already. */
  readonly masked = new Set<FeatureId>();
  readonly exchanges: PlannedExchange[] = [];
  /** Gradients by feature: of the value seen, and once its BatchNorm or ReLU was gone through, of the value stored. */
  private readonly gradients = new Map<FeatureId, PartTensors>();
  private readonly readers = new Map<FeatureId, number>();

  constructor(
    network: Network,
    { loss, batchImages = network.images, accumulate = false, synchronised = false }: TrainingPlanOptions,
    target: Target,
  ) {
    this.network = network;
    this.options = { loss, batchImages, accumulate, synchronised };
    this.target = target;
    for (const stage of network.lowered.stages) {
      if (stage.op === "norm") continue;
      for (const id of sourcesOf(stage)) this.readers.set(id, (this.readers.get(id) ?? 0) + 1);
    }
  }

  eachPart(work: (part: Part) => void): void {
    for (const [index, images] of this.network.parts.entries()) work({ index, images });
  }

  /** A feature's tensor of one part. */
  tensor(id: FeatureId, { index }: Part): TensorTarget {
    return (this.stored.get(id) as PartTensors)[index] as TensorTarget;
  }

  /** ∂feature of one part, as its readers left it. */
  gradient(id: FeatureId, { index }: Part): TensorTarget {
    return (this.gradients.get(id) as PartTensors)[index] as TensorTarget;
  }

  /** Where ∂feature goes: the first stage that contributes makes the tensors, later ones add to them. */
  contribution(id: FeatureId): { readonly outputs: PartTensors; readonly accumulate: boolean } {
    const known = this.gradients.get(id);
    if (known) return { outputs: known, accumulate: true };
    const outputs = this.network.tensors(this.builder, id, `∂${this.network.feature(id).label}`);
    this.gradients.set(id, outputs);
    return { outputs, accumulate: false };
  }

  /** Only one stage reads the feature, beside its BatchNorm. */
  hasOneReader(id: FeatureId): boolean {
    return this.readers.get(id) === 1;
  }

  /** How a kernel reads this feature, and the normalisation that it binds (none: []). */
  source(id: FeatureId): { readonly source: SourceSpec; readonly norms: readonly BindingTarget[] } {
    const { specs, norms } = this.network.sources([id]);
    return { source: specs[0] as SourceSpec, norms };
  }

  /** A tensor for the partial sums of these kernels, one a part; each kernel's range of it can be bound by itself. */
  partials(kernels: readonly PartialKernel[]): Partials {
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

  /** Second pass of a weight gradient: parts behind the first add to what those before them left. */
  sumWeightGradient(
    { index }: Part,
    name: string,
    { splits, partialFloats }: PartialKernel,
    rows: Omit<SumSplitsSpec, "splits" | "partialFloats" | "accumulate">,
    partials: TensorTarget,
  ): void {
    const accumulate = this.options.accumulate || index > 0;
    const kernel = sumSplits({ splits, partialFloats, ...rows, accumulate }, this.target);
    this.builder.add(`${name} wgrad sum`, kernel, [
      partials,
      this.network.gradient(`${name}.weight`),
      ...(rows.bias ? [this.network.gradient(`${name}.bias`)] : []),
    ]);
  }

  /** The pass stops here for a BatchNorm's statistics of all replicas; `count`: values a channel of this one. */
  exchange(kind: PlannedExchange["kind"], name: string, count: number): void {
    this.exchanges.push({ kind, name, count, after: this.builder.dispatchCount });
  }
}
