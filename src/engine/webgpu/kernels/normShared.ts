import { BATCH_NORM_MOMENTUM } from "@/model/graph";
import type { Build } from "./kernel";
import { joinedMoments, joinedSums, type NormRowsSpec } from "./norm";
import { blocksOf, declare, pixelsOf } from "./wgsl";

/**
 * BatchNorm whose statistics are those of several replicas: the second passes of `norm.ts` in two halves each. The first leaves
 * what this replica has in `statistics` [2·C4], where the statistics of all take its place before the second reads them.
 */

/**
 * Second pass of the moments, first half: this replica's mean and biased variance. Bindings: partials (read), statistics
 * (readWrite); vec4f. One workgroup a block of channels.
 */
export const normOwnMoments: Build<NormRowsSpec> = (spec, target) => {
  const blocks = blocksOf(spec.channels);
  const { text, bindings } = declare([
    ["partials", "read", "vec4f"],
    ["statistics", "readWrite", "vec4f"],
  ]);
  const wgsl = `${text}
${joinedMoments(spec, target)}
  statistics[block] = mean;
  statistics[${blocks} + block] = variance / ${pixelsOf(spec)}f;
}`;
  return {
    label: `normOwnMoments ${spec.channels} ${spec.rows}/${spec.images}×${spec.height}×${spec.width}`,
    wgsl,
    bindings,
    workgroups: [blocks, 1, 1],
    flops: 8 * spec.rows * spec.channels,
    bytes: 8 * spec.rows * spec.channels,
  };
};

/**
 * Second half: the normalisation (scale, shift, mean, 1/σ) by the moments of all replicas. Bindings: statistics (means,
 * biased variances), gamma, beta (read), norms (readWrite); vec4f. One thread a block of channels.
 */
export const normBySharedMoments: Build<{ readonly channels: number; readonly epsilon: number }> = ({
  channels,
  epsilon,
}) => {
  const blocks = blocksOf(channels);
  const { text, bindings } = declare([
    ["statistics", "read", "vec4f"],
    ["gamma", "read", "vec4f"],
    ["beta", "read", "vec4f"],
    ["norms", "readWrite", "vec4f"],
  ]);
  const wgsl = `${text}
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let block = i32(id.x);
  if (block >= ${blocks}) { return; }
  let mean = statistics[block];
  let inverse = 1 / sqrt(statistics[${blocks} + block] + ${epsilon}f);
  let scale = gamma[block] * inverse;
  norms[block] = scale;
  norms[${blocks} + block] = beta[block] - mean * scale;
  norms[${2 * blocks} + block] = mean;
  norms[${3 * blocks} + block] = inverse;
}`;
  return {
    label: `normBySharedMoments ${channels}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(blocks / 8), 1, 1],
    flops: 6 * channels,
    bytes: 32 * channels,
  };
};

/**
 * Second pass of the backward sums, first half: this replica's ∂β = Σ g and ∂γ = Σ g·x̂, which are its part of the gradients, and
 * the same as statistics. Bindings: partials (read), gammaGradient, betaGradient, statistics (readWrite); vec4f.
 */
export const normOwnSums: Build<NormRowsSpec> = (spec, target) => {
  const blocks = blocksOf(spec.channels);
  const { text, bindings } = declare([
    ["partials", "read", "vec4f"],
    ["gammaGradient", "readWrite", "vec4f"],
    ["betaGradient", "readWrite", "vec4f"],
    ["statistics", "readWrite", "vec4f"],
  ]);
  const wgsl = `${text}
${joinedSums(spec, target)}
  betaGradient[block] = sum;
  gammaGradient[block] = product;
  statistics[block] = sum;
  statistics[${blocks} + block] = product;
}`;
  return {
    label: `normOwnSums ${spec.channels} ${spec.rows}/${spec.images}×${spec.height}×${spec.width}`,
    wgsl,
    bindings,
    workgroups: [blocks, 1, 1],
    flops: 2 * spec.rows * spec.channels,
    bytes: 8 * spec.rows * spec.channels,
  };
};

/**
 * Second half: what `normBackward` multiplies with, by the mean sums of all replicas over this replica's `count` values a channel.
 * Bindings: statistics (Σ g, Σ g·x̂), norms, gamma (read), factors (readWrite: a, b, d of `normBackward` [3·C4]); vec4f.
 */
export const normFactorsBySharedSums: Build<{ readonly channels: number; readonly count: number }> = ({
  channels,
  count,
}) => {
  const blocks = blocksOf(channels);
  const { text, bindings } = declare([
    ["statistics", "read", "vec4f"],
    ["norms", "read", "vec4f"],
    ["gamma", "read", "vec4f"],
    ["factors", "readWrite", "vec4f"],
  ]);
  const wgsl = `${text}
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let block = i32(id.x);
  if (block >= ${blocks}) { return; }
  let inverse = norms[${3 * blocks} + block];
  let factor = gamma[block] * inverse;
  factors[block] = factor;
  factors[${blocks} + block] = -factor * inverse * statistics[${blocks} + block] / ${count}f;
  factors[${2 * blocks} + block] = -factor * statistics[block] / ${count}f;
}`;
  return {
    label: `normFactorsBySharedSums ${channels} of ${count}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(blocks / 8), 1, 1],
    flops: 6 * channels,
    bytes: 28 * channels,
  };
};

/**
 * Moves the running statistics of all BatchNorms by 0.1 towards a batch's. Bindings: statistics (read), running (readWrite), as
 * long as each other; vec4f. One thread a vector.
 */
export const moveRunning: Build<{ readonly floats: number }> = ({ floats }) => {
  const { text, bindings } = declare([
    ["statistics", "read", "vec4f"],
    ["running", "readWrite", "vec4f"],
  ]);
  const wgsl = `${text}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= ${floats / 4}) { return; }
  running[id.x] = ${1 - BATCH_NORM_MOMENTUM}f * running[id.x] + ${BATCH_NORM_MOMENTUM}f * statistics[id.x];
}`;
  return {
    label: `moveRunning ${floats}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(floats / 256), 1, 1],
    flops: 3 * floats,
    bytes: 12 * floats,
  };
};
