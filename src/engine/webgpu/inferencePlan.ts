import { addForward } from "./forward";
import { head } from "./kernels/head";
import type { SourceSpec, Target } from "./kernels/kernel";
import { normEvaluate } from "./kernels/norm";
import { residual } from "./kernels/residual";
import type { FeatureId } from "./lower";
import type { Network, PartTensors, TensorTarget } from "./network";
import { type Plan, PlanBuilder } from "./plan";

export interface InferencePlan extends Plan {
  /** Images of each part, in order. */
  readonly parts: readonly number[];
  /** Tensors by part. Uploaded before: noisy images, f32 [N, H, W]. */
  readonly noisy: readonly number[];
  /** Read after: f32 [N, H, W]. */
  readonly output: readonly number[];
}

/** Evaluation mode: BatchNorm by running statistics, nothing saved beyond its last reader. */
export function planInference(network: Network, target: Target): InferencePlan {
  const { lowered } = network;
  const builder = new PlanBuilder();
  const noisy = network.tensors(builder, lowered.input, "noisy", true);
  const outputs = network.tensors(builder, lowered.input, "output");
  const stored = new Map<FeatureId, PartTensors>([[lowered.input, noisy]]);
  for (const stage of lowered.stages) {
    if (stage.op === "norm") {
      builder.add(
        `${stage.name} evaluate`,
        normEvaluate({ channels: network.channels(stage.feature), epsilon: stage.epsilon }, target),
        [
          network.parameter(`${stage.name}.weight`),
          network.parameter(`${stage.name}.bias`),
          network.running(stage.name),
          network.normOf(stage.name),
        ],
      );
    } else if (stage.op === "head") {
      const { specs, norms } = network.sources([stage.source]);
      for (const [part, images] of network.parts.entries()) {
        const extent = network.extent(stage.source, images);
        builder.add(`${stage.name} forward`, head({ ...extent, source: specs[0] as SourceSpec }, target), [
          network.parameter(`${stage.name}.weight`),
          network.parameter(`${stage.name}.bias`),
          ...norms,
          (stored.get(stage.source) as PartTensors)[part] as TensorTarget,
          outputs[part] as TensorTarget,
        ]);
      }
    } else if (stage.op === "residual") {
      for (const [part, images] of network.parts.entries()) {
        const extent = network.extent(stage.source, images);
        builder.add("residual forward", residual(extent, target), [
          noisy[part] as TensorTarget,
          (stored.get(stage.source) as PartTensors)[part] as TensorTarget,
          outputs[part] as TensorTarget,
        ]);
      }
    } else addForward(builder, network, stored, stage, target);
  }
  for (const output of outputs) builder.keep(output);
  return {
    ...builder.finish(),
    parts: network.parts,
    noisy: noisy.map(({ tensor }) => tensor),
    output: outputs.map(({ tensor }) => tensor),
  };
}
