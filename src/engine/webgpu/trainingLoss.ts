import { headBackward, headLoss, lossFinish } from "./kernels/head";
import type { PartialKernel } from "./kernels/kernel";
import { residualLoss } from "./kernels/residual";
import type { FeatureId } from "./lower";
import type { PartTensors, TensorTarget } from "./network";
import type { BindingTarget } from "./plan";
import type { Partials, StageOf, TrainingDraft } from "./trainingDraft";

const SCALING: BindingTarget = { kind: "permanent", name: "scaling", offset: 0, bytes: 16 };
const LOSS: BindingTarget = { kind: "permanent", name: "loss", offset: 0, bytes: 16 };

/** Adds the last 1×1 convolution with the loss against `clean`; gives the tensors of the output's gradient. */
export function addHeadLoss(
  draft: TrainingDraft,
  { name, source: id }: StageOf<"head">,
  clean: PartTensors,
): PartTensors {
  const { network, builder, target } = draft;
  const { source, norms } = draft.source(id);
  const { loss } = draft.options;
  const count = pixelsOfBatch(draft, id);
  const kernels = network.parts.map((images) =>
    headLoss({ ...network.extent(id, images), source, loss, count }, target),
  );
  const gradients = network.tensors(builder, network.lowered.input, "∂output");
  const partials = draft.partials(kernels);
  draft.eachPart((part) =>
    builder.add(`${name} forward, loss`, kernels[part.index] as PartialKernel, [
      network.parameter(`${name}.weight`),
      network.parameter(`${name}.bias`),
      ...norms,
      draft.tensor(id, part),
      clean[part.index] as TensorTarget,
      gradients[part.index] as TensorTarget,
      partials.targets[part.index] as TensorTarget,
      ...scaling(draft),
    ]),
  );
  addLossFinish(draft, partials, count);
  return gradients;
}

/** Adds the gradients of the last 1×1 convolution, from those of its output. */
export function addHeadBackward(
  draft: TrainingDraft,
  { name, source: id }: StageOf<"head">,
  gradients: PartTensors,
): void {
  const { network, builder, target } = draft;
  const { source, norms } = draft.source(id);
  const { outputs, accumulate } = draft.contribution(id);
  const rows = {
    taps: 1,
    channels: 1,
    firstChannel: 0,
    inChannels: 1,
    rowFloats: source.channels,
    bias: true,
  };
  draft.eachPart((part) => {
    const kernel = headBackward({ ...network.extent(id, part.images), source, accumulate }, target);
    const { whole } = draft.partials([kernel]);
    builder.add(`${name} backward`, kernel, [
      network.parameter(`${name}.weight`),
      ...norms,
      draft.tensor(id, part),
      gradients[part.index] as TensorTarget,
      outputs[part.index] as TensorTarget,
      whole,
    ]);
    draft.sumWeightGradient(part, name, kernel, rows, whole);
  });
}

/**
 * Adds the loss of the input less a feature and, at once, that feature's gradient: it is the negative of the output's. Nothing is
 * left for the backward pass.
 */
export function addResidualLoss(
  draft: TrainingDraft,
  { source: id }: StageOf<"residual">,
  noisy: PartTensors,
  clean: PartTensors,
): void {
  const { network, builder, target } = draft;
  const { loss } = draft.options;
  const count = pixelsOfBatch(draft, id);
  const kernels = network.parts.map((images) =>
    residualLoss({ ...network.extent(id, images), loss, count }, target),
  );
  const { outputs } = draft.contribution(id);
  const partials = draft.partials(kernels);
  draft.eachPart((part) =>
    builder.add("residual forward, loss", kernels[part.index] as PartialKernel, [
      noisy[part.index] as TensorTarget,
      draft.tensor(id, part),
      clean[part.index] as TensorTarget,
      outputs[part.index] as TensorTarget,
      partials.targets[part.index] as TensorTarget,
      ...scaling(draft),
    ]),
  );
  addLossFinish(draft, partials, count);
}

/** Over how many pixels the loss is a mean. */
function pixelsOfBatch({ network, options }: TrainingDraft, source: FeatureId): number {
  const { height, width } = network.feature(source);
  return options.batchImages * height * width;
}

/** Where gradients are halves, the loss scale that they are multiplied by. */
function scaling({ network }: TrainingDraft): readonly BindingTarget[] {
  return network.storage === "f16" ? [SCALING] : [];
}

function addLossFinish(
  { builder, options, target }: TrainingDraft,
  { rows, whole }: Partials,
  count: number,
): void {
  const { accumulate } = options;
  builder.add("loss", lossFinish({ ...rows, count, accumulate }, target), [whole, LOSS]);
}
