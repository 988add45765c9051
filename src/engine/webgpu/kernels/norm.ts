import { BATCH_NORM_MOMENTUM } from "@/model/graph";
import { featureAccess } from "./access";
import type { Build, Extent, PartialKernel, Target } from "./kernel";
import { blocksOf, declare, featureBytes, pixelsOf, type RowParts, rowStart, sizeText } from "./wgsl";

/** A batch of features of `channels` padded channels. */
export interface NormSpec extends Extent {
  readonly channels: number;
}

export interface NormBackwardSpec extends NormSpec {
  /** A ReLU follows: the gradient passes where scale·z + shift is positive. */
  readonly relu: boolean;
}

export interface NormRowsSpec extends NormSpec {
  /** Rows of partial sums of all images, from the kernels that made them. */
  readonly rows: number;
  readonly parts?: RowParts;
}

/** Pixels that a lane takes at most on a GPU before more lanes are used. */
const GPU_PIXELS = 64;
const SOFTWARE_LANES = 16;

/** Lanes an image for a pass over pixels: lane l takes pixels l, l + lanes, … */
function lanesOf({ height, width }: Extent, target: Target): number {
  const pixels = height * width;
  if (target.software) return Math.min(SOFTWARE_LANES, pixels);
  return Math.min(pixels, 64 * Math.ceil(pixels / (64 * GPU_PIXELS)));
}

const threadsOf = (target: Target): number => (target.software ? 8 : 64);

/** Head of a kernel whose thread walks over pixels of one image and block; `body` sees `i`, the index of a vec4. */
function overPixels(
  spec: NormSpec,
  target: Target,
  before: string,
  body: string,
  after: (row: string) => string,
): { readonly text: string; readonly workgroups: readonly [number, number, number]; readonly rows: number } {
  const blocks = blocksOf(spec.channels);
  const pixels = spec.height * spec.width;
  const lanes = lanesOf(spec, target);
  const threads = threadsOf(target);
  const text = `@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = i32(group.x) * ${threads} + i32(local);
  if (lane >= ${lanes}) { return; }
  let block = i32(group.y);
  let image = i32(group.z);
  let base = (image * ${blocks} + block) * ${pixels};
  ${before}
  for (var p = lane; p < ${pixels}; p += ${lanes}) {
    let i = base + p;
    ${body}
  }
  ${after(`(image * ${lanes} + lane)`)}
}`;
  return {
    text,
    workgroups: [Math.ceil(lanes / threads), blocks, spec.images],
    rows: lanes * spec.images,
  };
}

/**
 * First pass of BatchNorm's statistics: mean and sum of squared deviations of the pixels of each lane, about its first pixel
 * (so that a large mean does not cancel). Bindings: values (vec4f, read), partials (vec4f, readWrite): row r holds means [C4]
 * and deviations [C4]. Each thread reads its pixels of one block of channels once.
 */
export const normMoments: Build<NormSpec, PartialKernel> = (spec, target) => {
  const access = featureAccess(spec, target);
  const blocks = blocksOf(spec.channels);
  const { text, bindings } = declare(
    [
      ["values", "read", access.read],
      ["partials", "readWrite", "vec4f"],
    ],
    access,
  );
  const pass = overPixels(
    spec,
    target,
    `let origin = ${access.load("values[base + lane]")}; var sum = vec4f(); var squares = vec4f(); var count = 0f;`,
    `let d = ${access.load("values[i]")} - origin; sum += d; squares = fma(d, d, squares); count += 1;`,
    (row) => `let at = ${row} * ${2 * blocks} + block;
  partials[at] = origin + sum / count;
  partials[at + ${blocks}] = max(vec4f(), squares - sum * sum / count);`,
  );
  return {
    label: `normMoments ${spec.channels} ${sizeText(spec)}`,
    wgsl: `${text}\n${pass.text}`,
    bindings,
    workgroups: pass.workgroups,
    flops: 4 * spec.channels * pixelsOf(spec),
    bytes: featureBytes(spec, spec.channels),
    splits: pass.rows,
    partialFloats: 2 * spec.channels,
  };
};

/**
 * Head of a kernel of one workgroup a block of channels that joins the rows of `normMoments`: what follows runs in one thread
 * and sees `block`, `mean` and `variance`, the sum of squared deviations.
 */
export function joinedMoments(spec: NormRowsSpec, target: Target): string {
  const blocks = blocksOf(spec.channels);
  const threads = threadsOf(target);
  const pixels = spec.height * spec.width;
  const lanes = spec.rows / spec.images;
  const count = pixelsOf(spec);
  return `var<workgroup> means: array<vec4f, ${threads}>;
var<workgroup> deviations: array<vec4f, ${threads}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let block = i32(group.x);
  var sum = vec4f();
  for (var r = i32(local); r < ${spec.rows}; r += ${threads}) {
    let n = f32((${pixels - 1} - r % ${lanes}) / ${lanes} + 1);
    sum += n * partials[${rowStart(spec, "r", 2 * blocks, 4)} + block];
  }
  means[local] = sum;
  workgroupBarrier();
  var mean = vec4f();
  for (var t = 0; t < ${threads}; t++) { mean += means[t]; }
  mean /= ${count}f;
  var squares = vec4f();
  for (var r = i32(local); r < ${spec.rows}; r += ${threads}) {
    let n = f32((${pixels - 1} - r % ${lanes}) / ${lanes} + 1);
    let d = partials[${rowStart(spec, "r", 2 * blocks, 4)} + block] - mean;
    squares += partials[${rowStart(spec, "r", 2 * blocks, 4)} + ${blocks} + block] + n * d * d;
  }
  deviations[local] = squares;
  workgroupBarrier();
  if (local != 0) { return; }
  var variance = vec4f();
  for (var t = 0; t < ${threads}; t++) { variance += deviations[t]; }`;
}

/**
 * Second pass of the statistics: joins the lanes' moments (Chan et al. 1979), always in the same order; writes the
 * normalisation (scale, shift, mean, 1/σ) and moves the running statistics by 0.1 towards the mean and the unbiased variance.
 * Bindings: partials (read), gamma (read), beta (read), norms (readWrite), running (readWrite: means [C4], variances [C4]);
 * all vec4f. One workgroup a block of channels; its threads take every n-th row and meet in workgroup memory.
 */
export const normFinish: Build<NormRowsSpec & { readonly epsilon: number }> = (spec, target) => {
  const blocks = blocksOf(spec.channels);
  const count = pixelsOf(spec);
  const { text, bindings } = declare([
    ["partials", "read", "vec4f"],
    ["gamma", "read", "vec4f"],
    ["beta", "read", "vec4f"],
    ["norms", "readWrite", "vec4f"],
    ["running", "readWrite", "vec4f"],
  ]);
  const wgsl = `${text}
${joinedMoments(spec, target)}
  let inverse = 1 / sqrt(variance / ${count}f + ${spec.epsilon}f);
  let scale = gamma[block] * inverse;
  norms[block] = scale;
  norms[${blocks} + block] = beta[block] - mean * scale;
  norms[${2 * blocks} + block] = mean;
  norms[${3 * blocks} + block] = inverse;
  running[block] = ${1 - BATCH_NORM_MOMENTUM}f * running[block] + ${BATCH_NORM_MOMENTUM}f * mean;
  running[${blocks} + block] = ${1 - BATCH_NORM_MOMENTUM}f * running[${blocks} + block] + ${BATCH_NORM_MOMENTUM}f * variance / ${Math.max(1, count - 1)}f;
}`;
  return {
    label: `normFinish ${spec.channels} ${spec.rows}/${sizeText(spec)}`,
    wgsl,
    bindings,
    workgroups: [blocks, 1, 1],
    flops: 8 * spec.rows * spec.channels,
    bytes: 8 * spec.rows * spec.channels,
  };
};

/**
 * Evaluation mode: the normalisation from the running statistics. Bindings: gamma, beta, running (read), norms (readWrite);
 * vec4f. One thread a block of channels.
 */
export const normEvaluate: Build<{ readonly channels: number; readonly epsilon: number }> = ({
  channels,
  epsilon,
}) => {
  const blocks = blocksOf(channels);
  const { text, bindings } = declare([
    ["gamma", "read", "vec4f"],
    ["beta", "read", "vec4f"],
    ["running", "read", "vec4f"],
    ["norms", "readWrite", "vec4f"],
  ]);
  const wgsl = `${text}
@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let block = i32(id.x);
  if (block >= ${blocks}) { return; }
  let inverse = 1 / sqrt(running[${blocks} + block] + ${epsilon}f);
  let scale = gamma[block] * inverse;
  norms[block] = scale;
  norms[${blocks} + block] = beta[block] - running[block] * scale;
}`;
  return {
    label: `normEvaluate ${channels}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(blocks / 8), 1, 1],
    flops: 6 * channels,
    bytes: 24 * channels,
  };
};

/** The gradient before the ReLU, by the same expression as the forward pass evaluates. */
const passed = (relu: boolean, gradient: string): string =>
  relu ? `select(vec4f(), ${gradient}, fma(z, scale, shift) > vec4f())` : gradient;

const readScale = (blocks: number, relu: boolean): string =>
  relu ? `let scale = norms[block]; let shift = norms[${blocks} + block];` : "";

/**
 * First pass of BatchNorm's backward: Σ g and Σ g·x̂ of each lane's pixels, g behind the ReLU. Bindings: values (the stored
 * pre-norm feature), norms, gradient (read), partials (readWrite): row r holds Σ g [C4] and Σ g·x̂ [C4]; vec4f. Each thread
 * reads value and gradient of its pixels once.
 */
export const normBackwardSums: Build<NormBackwardSpec, PartialKernel> = (spec, target) => {
  const access = featureAccess(spec, target);
  const blocks = blocksOf(spec.channels);
  const { text, bindings } = declare(
    [
      ["values", "read", access.read],
      ["norms", "read", "vec4f"],
      ["gradient", "read", access.read],
      ["partials", "readWrite", "vec4f"],
    ],
    access,
  );
  const pass = overPixels(
    spec,
    target,
    `${readScale(blocks, spec.relu)} let mean = norms[${2 * blocks} + block]; var sum = vec4f(); var product = vec4f();`,
    `let z = ${access.load("values[i]")}; let g = ${passed(spec.relu, access.load("gradient[i]"))}; sum += g; product = fma(g, z - mean, product);`,
    (row) => `let at = ${row} * ${2 * blocks} + block;
  partials[at] = sum;
  partials[at + ${blocks}] = product * norms[${3 * blocks} + block];`,
  );
  return {
    label: `normBackwardSums ${spec.channels} ${sizeText(spec)}${spec.relu ? " relu" : ""}`,
    wgsl: `${text}\n${pass.text}`,
    bindings,
    workgroups: pass.workgroups,
    flops: 6 * spec.channels * pixelsOf(spec),
    bytes: 2 * featureBytes(spec, spec.channels),
    splits: pass.rows,
    partialFloats: 2 * spec.channels,
  };
};

/**
 * Head of a kernel of one workgroup a block of channels that joins the rows of `normBackwardSums`: what follows runs in one
 * thread and sees `block`, `sum` and `product`.
 */
export function joinedSums(spec: NormRowsSpec, target: Target): string {
  const blocks = blocksOf(spec.channels);
  const threads = threadsOf(target);
  return `var<workgroup> sums: array<vec4f, ${threads}>;
var<workgroup> products: array<vec4f, ${threads}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let block = i32(group.x);
  var sum = vec4f();
  var product = vec4f();
  for (var r = i32(local); r < ${spec.rows}; r += ${threads}) {
    sum += partials[${rowStart(spec, "r", 2 * blocks, 4)} + block];
    product += partials[${rowStart(spec, "r", 2 * blocks, 4)} + ${blocks} + block];
  }
  sums[local] = sum;
  products[local] = product;
  workgroupBarrier();
  if (local != 0) { return; }
  for (var t = 1; t < ${threads}; t++) { sum += sums[t]; product += products[t]; }`;
}

/**
 * Second pass: ∂β = Σ g, ∂γ = Σ g·x̂ (Ioffe & Szegedy 2015) and what the third pass multiplies with. Bindings: partials,
 * norms, gamma (read), gammaGradient, betaGradient, factors (readWrite: a, b, d of `normBackward` [3·C4]); vec4f. Where `accumulate`, the gradients are added to what is there.
 */
export const normBackwardFinish: Build<NormRowsSpec & { readonly accumulate: boolean }> = (spec, target) => {
  const put = spec.accumulate ? "+=" : "=";
  const blocks = blocksOf(spec.channels);
  const count = pixelsOf(spec);
  const { text, bindings } = declare([
    ["partials", "read", "vec4f"],
    ["norms", "read", "vec4f"],
    ["gamma", "read", "vec4f"],
    ["gammaGradient", "readWrite", "vec4f"],
    ["betaGradient", "readWrite", "vec4f"],
    ["factors", "readWrite", "vec4f"],
  ]);
  const wgsl = `${text}
${joinedSums(spec, target)}
  betaGradient[block] ${put} sum;
  gammaGradient[block] ${put} product;
  let inverse = norms[${3 * blocks} + block];
  let factor = gamma[block] * inverse;
  factors[block] = factor;
  factors[${blocks} + block] = -factor * inverse * product / ${count}f;
  factors[${2 * blocks} + block] = -factor * sum / ${count}f;
}`;
  return {
    label: `normBackwardFinish ${spec.channels} ${spec.rows}/${sizeText(spec)}`,
    wgsl,
    bindings,
    workgroups: [blocks, 1, 1],
    flops: 2 * spec.rows * spec.channels,
    bytes: 8 * spec.rows * spec.channels,
  };
};

/**
 * Third pass, in place: ∂z = a·g + b·(z − mean) + d = γ/σ · (g − mean(g) − x̂·mean(g·x̂)). Bindings: values, norms, factors
 * (read), gradient (readWrite); vec4f. Reads value and gradient once and writes the gradient.
 */
export const normBackward: Build<NormBackwardSpec> = (spec, target) => {
  const access = featureAccess(spec, target);
  const blocks = blocksOf(spec.channels);
  const { text, bindings } = declare(
    [
      ["values", "read", access.read],
      ["norms", "read", "vec4f"],
      ["factors", "read", "vec4f"],
      ["gradient", "readWrite", access.readWrite],
    ],
    access,
  );
  const pass = overPixels(
    spec,
    target,
    `${readScale(blocks, spec.relu)} let mean = norms[${2 * blocks} + block];
  let a = factors[block]; let b = factors[${blocks} + block]; let d = factors[${2 * blocks} + block];`,
    `let z = ${access.load("values[i]")}; gradient[i] = ${access.store(`fma(a, ${passed(spec.relu, access.loadOwn("gradient[i]"))}, fma(b, z - mean, d))`)};`,
    () => "",
  );
  return {
    label: `normBackward ${spec.channels} ${sizeText(spec)}${spec.relu ? " relu" : ""}`,
    wgsl: `${text}\n${pass.text}`,
    bindings,
    workgroups: pass.workgroups,
    flops: 6 * spec.channels * pixelsOf(spec),
    bytes: 3 * featureBytes(spec, spec.channels),
  };
};

/**
 * Backward of a ReLU of its own, in place: the gradient passes where the stored value is positive. Bindings: values (read),
 * gradient (readWrite); vec4f.
 */
export const reluBackward: Build<NormSpec> = (spec, target) => {
  const access = featureAccess(spec, target);
  const { text, bindings } = declare(
    [
      ["values", "read", access.read],
      ["gradient", "readWrite", access.readWrite],
    ],
    access,
  );
  const pass = overPixels(
    spec,
    target,
    "",
    `gradient[i] = ${access.store(`select(vec4f(), ${access.loadOwn("gradient[i]")}, ${access.load("values[i]")} > vec4f())`)};`,
    () => "",
  );
  return {
    label: `reluBackward ${spec.channels} ${sizeText(spec)}`,
    wgsl: `${text}\n${pass.text}`,
    bindings,
    workgroups: pass.workgroups,
    flops: spec.channels * pixelsOf(spec),
    bytes: 3 * featureBytes(spec, spec.channels),
  };
};
