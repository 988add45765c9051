import { type FeatureAccess, featureAccess } from "./access";
import type { Build, Extent, Kernel, PartialKernel, SourceSpec, Target } from "./kernel";
import { blocksOf, declare, featureBytes, onLoad, pixelsOf, type RowParts, rowStart, sizeText } from "./wgsl";

/** The 1×1 convolution to one channel that ends the network. Its weight is [C], its bias one float at the start of a vec4. */
export interface HeadSpec extends Extent {
  readonly source: SourceSpec;
}

export interface HeadLossSpec extends HeadSpec {
  readonly loss: "l1" | "l2";
  /** Pixels of the whole batch, which the loss is the mean over. */
  readonly count: number;
}

export interface HeadBackwardSpec extends HeadSpec {
  readonly accumulate: boolean;
}

const norms = (source: SourceSpec): readonly (readonly [string, "read", string])[] =>
  source.normOffset !== null ? [["norms", "read", "vec4f"]] : [];

/** WGSL that sums the head's output of pixel `p` of `image` into `o`. */
function outputOf({ height, width, source }: HeadSpec, access: FeatureAccess): string {
  const blocks = blocksOf(source.channels);
  const load = onLoad(source, "block", access);
  return `var o = bias[0].x;
    for (var block = 0; block < ${blocks}; block++) {
      ${load.prepare}
      o += dot(weights[block], ${load.of(`source[(image * ${blocks} + block) * ${height * width} + p]`)});
    }`;
}

/**
 * Inference. Bindings: weights, bias (vec4f, read), [norms (vec4f, read)], source (feature, read), output (f32 [N, H, W],
 * readWrite). A thread reads all channels of one pixel and writes it.
 */
export const head: Build<HeadSpec> = (spec, target): Kernel => {
  const access = featureAccess(spec, target);
  const pixels = spec.height * spec.width;
  const threads = target.software ? 8 : 64;
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ["bias", "read", "vec4f"],
      ...norms(spec.source),
      ["source", "read", access.read],
      ["output", "readWrite", "f32"],
    ],
    access,
  );
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let p = i32(group.x) * ${threads} + i32(local);
  let image = i32(group.y);
  if (p >= ${pixels}) { return; }
  ${outputOf(spec, access)}
  output[image * ${pixels} + p] = o;
}`;
  return {
    label: `head ${spec.source.channels} ${sizeText(spec)}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(pixels / threads), spec.images, 1],
    flops: 2 * spec.source.channels * pixelsOf(spec),
    bytes: featureBytes(spec, spec.source.channels + 1),
  };
};

/** Lanes an image for the passes that sum over pixels. */
export function lanesOf({ height, width }: Extent, target: Target): number {
  return Math.min(height * width, target.software ? 16 : 1024);
}

/**
 * The head fused with the loss: gradient[p] = ∂(mean loss)/∂output (l1: sign(o − t)/count with 0 where equal; l2:
 * 2(o − t)/count), in mixed precision times the loss scale, and, a row a lane, Σ |o − t| or Σ (o − t)². The output itself is never stored. Bindings: weights, bias (vec4f,
 * read), [norms], source (feature, read), clean (f32 [N, H, W], read), gradient (f32 [N, H, W], readWrite), partials (f32 [rows],
 * readWrite), [scaling (uniform vec4f: loss scale), if halves are stored].
 */
export const headLoss: Build<HeadLossSpec, PartialKernel> = (spec, target) => {
  const access = featureAccess(spec, target);
  const scaled = spec.storage === "f16";
  const pixels = spec.height * spec.width;
  const lanes = lanesOf(spec, target);
  const threads = Math.min(lanes, target.software ? 8 : 64);
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ["bias", "read", "vec4f"],
      ...norms(spec.source),
      ["source", "read", access.read],
      ["clean", "read", "f32"],
      ["gradient", "readWrite", "f32"],
      ["partials", "readWrite", "f32"],
      ...(scaled ? [["scaling", "uniform", "vec4f"] as const] : []),
    ],
    access,
  );
  const [slope, value] = spec.loss === "l1" ? ["sign(d)", "abs(d)"] : ["2 * d", "d * d"];
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(group.x) * ${threads} + i32(local);
  let image = i32(group.y);
  if (lane >= ${lanes}) { return; }
  var sum = 0f;
  for (var p = lane; p < ${pixels}; p += ${lanes}) {
    ${outputOf(spec, access)}
    let d = o - clean[image * ${pixels} + p];
    gradient[image * ${pixels} + p] = ${slope} * ${1 / spec.count}f${scaled ? " * scaling.x" : ""};
    sum += ${value};
  }
  partials[image * ${lanes} + lane] = sum;
}`;
  return {
    label: `headLoss ${spec.source.channels} ${sizeText(spec)} ${spec.loss}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(lanes / threads), spec.images, 1],
    flops: 2 * spec.source.channels * pixelsOf(spec),
    bytes: featureBytes(spec, spec.source.channels + 2),
    splits: lanes * spec.images,
    partialFloats: 1,
  };
};

/**
 * The mean loss from its rows. Bindings: partials (f32, read), loss (f32, readWrite: one number). One workgroup; its threads
 * take every n-th row and meet in workgroup memory.
 */
export const lossFinish: Build<{
  readonly rows: number;
  readonly count: number;
  readonly parts?: RowParts;
  /** Adds to the loss there: of other images of the batch. */
  readonly accumulate: boolean;
}> = ({ rows, count, parts, accumulate }, target) => {
  const threads = target.software ? 8 : 64;
  const { text, bindings } = declare([
    ["partials", "read", "f32"],
    ["loss", "readWrite", "f32"],
  ]);
  const wgsl = `${text}
var<workgroup> sums: array<f32, ${threads}>;
@compute @workgroup_size(${threads})
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0f;
  for (var r = i32(local); r < ${rows}; r += ${threads}) { sum += partials[${rowStart({ ...(parts && { parts }) }, "r", 1, 1)}]; }
  sums[local] = sum;
  workgroupBarrier();
  if (local != 0) { return; }
  for (var t = 1; t < ${threads}; t++) { sum += sums[t]; }
  loss[0] ${accumulate ? "+=" : "="} sum / ${count}f;
}`;
  return {
    label: `lossFinish ${rows}/${count}`,
    wgsl,
    bindings,
    workgroups: [1, 1, 1],
    flops: rows,
    bytes: 4 * rows,
  };
};

/**
 * Backward of the head: ∂source[p, c] = g[p]·weight[c], and partial sums Σ g·source [C] and Σ g (in x of one more vec4) a
 * lane. Bindings: weights (vec4f, read), [norms], source (feature, read), gradient (f32 [N, H, W], read), output (∂source, feature,
 * readWrite), partials (vec4f, readWrite). A thread walks over its pixels of one block of channels, reads value and
 * gradient once and writes ∂source.
 */
export const headBackward: Build<HeadBackwardSpec, PartialKernel> = (spec, target) => {
  const { height, width, source } = spec;
  const access = featureAccess(spec, target);
  const pixels = height * width;
  const blocks = blocksOf(source.channels);
  const lanes = lanesOf(spec, target);
  const threads = Math.min(lanes, target.software ? 8 : 64);
  const load = onLoad(source, "block", access);
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ...norms(source),
      ["source", "read", access.read],
      ["gradient", "read", "f32"],
      ["output", "readWrite", access.readWrite],
      ["partials", "readWrite", "vec4f"],
    ],
    access,
  );
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(group.x) * ${threads} + i32(local);
  let block = i32(group.y);
  let image = i32(group.z);
  if (lane >= ${lanes}) { return; }
  ${load.prepare}
  let w = weights[block];
  var sum = vec4f();
  var total = 0f;
  for (var p = lane; p < ${pixels}; p += ${lanes}) {
    let i = (image * ${blocks} + block) * ${pixels} + p;
    let g = gradient[image * ${pixels} + p];
    sum = fma(vec4f(g), ${load.of("source[i]")}, sum);
    total += g;
    output[i] = ${access.store(spec.accumulate ? `${access.loadOwn("output[i]")} + g * w` : "g * w")};
  }
  let to = (image * ${lanes} + lane) * ${blocks + 1};
  partials[to + block] = sum;
  if (block == 0) { partials[to + ${blocks}] = vec4f(total, 0, 0, 0); }
}`;
  return {
    label: `headBackward ${source.channels} ${sizeText(spec)}${spec.accumulate ? " add" : ""}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(lanes / threads), blocks, spec.images],
    flops: 4 * source.channels * pixelsOf(spec),
    bytes: (spec.accumulate ? 3 : 2) * featureBytes(spec, source.channels),
    splits: lanes * spec.images,
    partialFloats: 4 * (blocks + 1),
  };
};
