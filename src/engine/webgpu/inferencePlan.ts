import { addForward } from "./forward";
import { head } from "./kernels/head";
import type { SourceSpec, Target } from "./kernels/kernel";
import { normEvaluate } from "./kernels/norm";
import type { FeatureId } from "./lower";
import type { Network, TensorTarget } from "./network";
import { type Plan, PlanBuilder } from "./plan";

export interface InferencePlan extends Plan {
  /** Uploaded before: noisy images, f32 [N, H, W]. */
  readonly noisy: number;
  /** Read after: f32 [N, H, W]. */
  readonly output: number;
}

/** Evaluation mode: BatchNorm by running statistics, nothing saved beyond its last reader. */
export function planInference(network: Network, target: Target): InferencePlan {
  const { lowered } = network;
  const builder = new PlanBuilder();
  const noisy = builder.tensor("noisy", network.bytes(lowered.input), true);
  const output = builder.tensor("output", network.bytes(lowered.input));
  const stored = new Map<FeatureId, TensorTarget>([[lowered.input, noisy]]);
  for (const stage of lowered.stages) {
    if (stage.op === "norm") {
      builder.add(
        `${stage.name} evaluate`,
        normEvaluate({ channels: network.channels(stage.feature) }, target),
        [
          network.parameter(`${stage.name}.weight`),
          network.parameter(`${stage.name}.bias`),
          network.running(stage.name),
          network.normOf(stage.name),
        ],
      );
    } else if (stage.op === "head") {
      const { specs, norms } = network.sources([stage.source]);
      const kernel = head({ ...network.extent(stage.source), source: specs[0] as SourceSpec }, target);
      builder.add(`${stage.name} forward`, kernel, [
        network.parameter(`${stage.name}.weight`),
        network.parameter(`${stage.name}.bias`),
        ...norms,
        stored.get(stage.source) as TensorTarget,
        output,
      ]);
    } else addForward(builder, network, stored, stage, target);
  }
  builder.keep(output);
  return { ...builder.finish(), noisy: noisy.tensor, output: output.tensor };
}
