import { convDgrad } from "./kernels/convDgrad";
import { convWgrad } from "./kernels/convWgrad";
import { maxPoolBackward } from "./kernels/maxPool";
import { reluBackward } from "./kernels/norm";
import { upconvDgrad, upconvWgrad } from "./kernels/upconv";
import { upsampleBackward } from "./kernels/upsample";
import type { FeatureStage } from "./lower";
import type { TensorTarget } from "./network";
import type { StageOf, TrainingDraft } from "./trainingDraft";

/**
 * Adds the backward dispatches of a stage that makes a feature: from the feature's gradient those of its parameters, and what it
 * contributes to the gradients of its sources. The other stages' are in `trainingNorm.ts` and `trainingLoss.ts`.
 */
export function addBackward(draft: TrainingDraft, stage: FeatureStage): void {
  switch (stage.op) {
    case "conv":
      addConv(draft, stage);
      break;
    case "upconv":
      addUpconv(draft, stage);
      break;
    case "maxPool":
      addMaxPool(draft, stage);
      break;
    case "upsample":
      addUpsample(draft, stage);
      break;
    default:
      stage satisfies never;
  }
}

function addConv(draft: TrainingDraft, { name, sources, output: out }: StageOf<"conv">): void {
  const { network, builder, target } = draft;
  const { storedRelu, norm } = network.feature(out);
  const outChannels = network.channels(out);
  if (storedRelu && !draft.masked.has(out))
    draft.eachPart((part) => {
      const spec = { ...network.extent(out, part.images), channels: outChannels };
      builder.add(`${name} relu backward`, reluBackward(spec, target), [
        draft.tensor(out, part),
        draft.gradient(out, part),
      ]);
    });
  const inChannels = sources.reduce((sum, id) => sum + network.channels(id), 0);
  let firstChannel = 0;
  for (const [index, id] of sources.entries()) {
    const { source, norms } = draft.source(id);
    const { channels } = source;
    // A bias before BatchNorm is subtracted again with the mean: its gradient is zero, as the buffer is.
    const bias = index === 0 && norm === null;
    const rows = { taps: 9, channels, firstChannel, inChannels, rowFloats: outChannels, bias };
    draft.eachPart((part) => {
      const extent = network.extent(out, part.images);
      const wgrad = convWgrad({ ...extent, source, outChannels, bias }, target);
      const { whole } = draft.partials([wgrad]);
      const gradient = draft.gradient(out, part);
      builder.add(`${name} wgrad`, wgrad, [...norms, draft.tensor(id, part), gradient, whole]);
      draft.sumWeightGradient(part, name, wgrad, rows, whole);
    });
    if (id !== network.lowered.input) {
      const { outputs, accumulate } = draft.contribution(id);
      const mask = network.feature(id).storedRelu && draft.hasOneReader(id);
      if (mask) draft.masked.add(id);
      const shape = { inChannels, firstChannel, channels, outChannels, mask, accumulate };
      draft.eachPart((part) => {
        const dgrad = convDgrad({ ...network.extent(out, part.images), ...shape }, target);
        builder.add(`${name} dgrad`, dgrad, [
          network.parameter(`${name}.weight`),
          draft.gradient(out, part),
          ...(mask ? [draft.tensor(id, part)] : []),
          outputs[part.index] as TensorTarget,
        ]);
      });
    }
    firstChannel += channels;
  }
}

function addUpconv(draft: TrainingDraft, { name, source: id, output: out }: StageOf<"upconv">): void {
  const { network, builder, target } = draft;
  const { source, norms } = draft.source(id);
  const { channels } = source;
  const outChannels = network.channels(out);
  const { outputs, accumulate } = draft.contribution(id);
  const rows = {
    taps: 4,
    channels,
    firstChannel: 0,
    inChannels: channels,
    rowFloats: outChannels,
    bias: true,
  };
  draft.eachPart((part) => {
    const extent = network.extent(id, part.images);
    const gradient = draft.gradient(out, part);
    const wgrad = upconvWgrad({ ...extent, source, outChannels }, target);
    const { whole } = draft.partials([wgrad]);
    builder.add(`${name} wgrad`, wgrad, [...norms, draft.tensor(id, part), gradient, whole]);
    draft.sumWeightGradient(part, name, wgrad, rows, whole);
    const dgrad = upconvDgrad({ ...extent, channels, outChannels, accumulate }, target);
    const weight = network.parameter(`${name}.weight`);
    builder.add(`${name} dgrad`, dgrad, [weight, gradient, outputs[part.index] as TensorTarget]);
  });
}

function addMaxPool(
  draft: TrainingDraft,
  { source: id, output: out }: StageOf<"maxPool" | "upsample">,
): void {
  const { network, builder, target } = draft;
  const { source, norms } = draft.source(id);
  const { outputs, accumulate } = draft.contribution(id);
  draft.eachPart((part) => {
    const kernel = maxPoolBackward({ ...network.extent(id, part.images), source, accumulate }, target);
    builder.add(`${network.feature(out).label} backward`, kernel, [
      ...norms,
      draft.tensor(id, part),
      draft.gradient(out, part),
      outputs[part.index] as TensorTarget,
    ]);
  });
}

function addUpsample(
  draft: TrainingDraft,
  { source: id, output: out }: StageOf<"maxPool" | "upsample">,
): void {
  const { network, builder, target } = draft;
  const { outputs, accumulate } = draft.contribution(id);
  const channels = network.channels(id);
  draft.eachPart((part) => {
    const kernel = upsampleBackward({ ...network.extent(id, part.images), channels, accumulate }, target);
    builder.add(`${network.feature(out).label} backward`, kernel, [
      draft.gradient(out, part),
      outputs[part.index] as TensorTarget,
    ]);
  });
}
