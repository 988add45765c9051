import { convForward } from "./kernels/convForward";
import type { SourceSpec, Target } from "./kernels/kernel";
import { maxPool } from "./kernels/maxPool";
import { upconv } from "./kernels/upconv";
import { upsample } from "./kernels/upsample";
import type { FeatureId, FeatureStage } from "./lower";
import type { Network, PartTensors, TensorTarget } from "./network";
import type { PlanBuilder } from "./plan";

/**
 * Adds the forward dispatches of a stage that makes a feature; `norm`, `head` and `residual` differ between training and inference
 * and are their plans' own. `stored` maps features to tensors and gains the stage's output.
 */
export function addForward(
  builder: PlanBuilder,
  network: Network,
  stored: Map<FeatureId, PartTensors>,
  stage: FeatureStage,
  target: Target,
): void {
  const outputs = network.tensors(builder, stage.output, network.feature(stage.output).label);
  stored.set(stage.output, outputs);
  for (const [part, images] of network.parts.entries())
    addPart(builder, network, stage, target, {
      images,
      tensor: (id) => (stored.get(id) as PartTensors)[part] as TensorTarget,
    });
}

function addPart(
  builder: PlanBuilder,
  network: Network,
  stage: FeatureStage,
  target: Target,
  { images, tensor }: { readonly images: number; readonly tensor: (id: FeatureId) => TensorTarget },
): void {
  const output = tensor(stage.output);
  if (stage.op === "conv") {
    const { specs, norms } = network.sources(stage.sources);
    const kernel = convForward(
      {
        ...network.extent(stage.output, images),
        sources: specs,
        outChannels: network.channels(stage.output),
        relu: network.feature(stage.output).storedRelu,
      },
      target,
    );
    builder.add(`${stage.name} forward`, kernel, [
      network.parameter(`${stage.name}.weight`),
      network.parameter(`${stage.name}.bias`),
      ...norms,
      ...stage.sources.map(tensor),
      output,
    ]);
    return;
  }
  const { specs, norms } = network.sources([stage.source]);
  const spec = { ...network.extent(stage.source, images), source: specs[0] as SourceSpec };
  const bound = [...norms, tensor(stage.source), output];
  switch (stage.op) {
    case "upconv":
      builder.add(
        `${stage.name} forward`,
        upconv({ ...spec, outChannels: network.channels(stage.output) }, target),
        [network.parameter(`${stage.name}.weight`), network.parameter(`${stage.name}.bias`), ...bound],
      );
      break;
    case "maxPool":
      builder.add(`${network.feature(stage.output).label} forward`, maxPool(spec, target), bound);
      break;
    case "upsample":
      builder.add(`${network.feature(stage.output).label} forward`, upsample(spec, target), bound);
      break;
    default:
      stage satisfies never;
  }
}
