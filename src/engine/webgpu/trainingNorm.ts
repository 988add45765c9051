import type { PartialKernel } from "./kernels/kernel";
import { normBackward, normBackwardFinish, normBackwardSums, normFinish, normMoments } from "./kernels/norm";
import {
  normBySharedMoments,
  normFactorsBySharedSums,
  normOwnMoments,
  normOwnSums,
} from "./kernels/normShared";
import { pixelsOf } from "./kernels/wgsl";
import type { TensorTarget } from "./network";
import type { StageOf, TrainingDraft } from "./trainingDraft";

/**
 * Adds the statistics of a BatchNorm over the batch and the scale and shift that its feature's readers apply. It moves the running
 * statistics, except where those of all replicas count: then the pass stops for them in between.
 */
export function addNormForward(draft: TrainingDraft, { name, feature, epsilon }: StageOf<"norm">): void {
  const { network, builder, target } = draft;
  const channels = network.channels(feature);
  const moments = network.parts.map((images) =>
    normMoments({ ...network.extent(feature, images), channels }, target),
  );
  const { targets, whole, rows } = draft.partials(moments);
  draft.eachPart((part) =>
    builder.add(`${name} moments`, moments[part.index] as PartialKernel, [
      draft.tensor(feature, part),
      targets[part.index] as TensorTarget,
    ]),
  );
  const spec = { ...network.extent(feature, network.images), channels, epsilon, ...rows };
  const affine = [network.parameter(`${name}.weight`), network.parameter(`${name}.bias`)];
  const norms = network.normOf(name);
  if (!draft.options.synchronised) {
    const bound = [whole, ...affine, norms, network.running(name)];
    builder.add(`${name} statistics`, normFinish(spec, target), bound);
    return;
  }
  const statistics = network.statistics(name);
  builder.add(`${name} own statistics`, normOwnMoments(spec, target), [whole, statistics]);
  draft.exchange("moments", name, pixelsOf(spec));
  builder.add(`${name} shared statistics`, normBySharedMoments({ channels, epsilon }, target), [
    statistics,
    ...affine,
    norms,
  ]);
}

/** Adds γ's and β's gradients, and turns the gradient of the value seen (ReLU included) into that of the value stored. */
export function addNormBackward(draft: TrainingDraft, { name, feature }: StageOf<"norm">): void {
  const { network, builder, target } = draft;
  const { accumulate, synchronised } = draft.options;
  const { relu } = network.feature(feature);
  const channels = network.channels(feature);
  const specOf = (images: number) => ({ ...network.extent(feature, images), channels, relu });
  const sums = network.parts.map((images) => normBackwardSums(specOf(images), target));
  const { targets, whole, rows } = draft.partials(sums);
  const factors = builder.tensor(`factors of ${name}`, 12 * channels);
  const norms = network.normOf(name);
  draft.eachPart((part) =>
    builder.add(`${name} backward sums`, sums[part.index] as PartialKernel, [
      draft.tensor(feature, part),
      norms,
      draft.gradient(feature, part),
      targets[part.index] as TensorTarget,
    ]),
  );
  const spec = { ...network.extent(feature, network.images), channels, accumulate, ...rows };
  const gamma = network.parameter(`${name}.weight`);
  const gradients = [network.gradient(`${name}.weight`), network.gradient(`${name}.bias`)];
  if (synchronised) {
    const statistics = network.statistics(name);
    const count = pixelsOf(spec);
    builder.add(`${name} backward own sums`, normOwnSums(spec, target), [whole, ...gradients, statistics]);
    draft.exchange("sums", name, count);
    const kernel = normFactorsBySharedSums({ channels, count }, target);
    builder.add(`${name} backward shared factors`, kernel, [statistics, norms, gamma, factors]);
  } else {
    const bound = [whole, norms, gamma, ...gradients, factors];
    builder.add(`${name} backward factors`, normBackwardFinish(spec, target), bound);
  }
  draft.eachPart((part) =>
    builder.add(`${name} backward`, normBackward(specOf(part.images), target), [
      draft.tensor(feature, part),
      norms,
      factors,
      draft.gradient(feature, part),
    ]),
  );
}
