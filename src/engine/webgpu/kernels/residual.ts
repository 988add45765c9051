import { featureAccess } from "./access";
import { lanesOf } from "./head";
import type { Build, Extent, Kernel, PartialKernel } from "./kernel";
import { declare, featureBytes, pixelsOf, sizeText } from "./wgsl";

/** Channels on the device of the one that is subtracted: one block, whose others are padding. */
const PADDED = 4;

export interface ResidualLossSpec extends Extent {
  readonly loss: "l1" | "l2";
  /** Pixels of the whole batch, which the loss is the mean over. */
  readonly count: number;
}

/**
 * The network's input less a feature of one channel, which ends a network, for inference. Bindings: noisy (f32 [N, H, W], read), source (feature, read), output (f32 [N, H, W], readWrite). A thread reads one
 * pixel of both and writes it.
 */
export const residual: Build<Extent> = (spec, target): Kernel => {
  const access = featureAccess(spec, target);
  const pixels = spec.height * spec.width;
  const threads = target.software ? 8 : 64;
  const { text, bindings } = declare(
    [
      ["noisy", "read", "f32"],
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
  let i = image * ${pixels} + p;
  output[i] = noisy[i] - ${access.load("source[i]")}.x;
}`;
  return {
    label: `residual ${sizeText(spec)}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(pixels / threads), spec.images, 1],
    flops: pixelsOf(spec),
    bytes: 2 * featureBytes(spec, 1) + featureBytes(spec, PADDED),
  };
};

/**
 * The difference fused with the loss and its own backward: with o = noisy − source, gradient[p] = −∂(mean loss)/∂o in the first
 * channel and 0 in the padding (l1: sign(o − t)/count with 0 where equal; l2: 2(o − t)/count), in mixed precision times the loss
 * scale, and, a row a lane, Σ |o − t| or Σ (o − t)². The output itself is never stored. Bindings: noisy (f32 [N, H, W], read),
 * source (feature, read), clean (f32 [N, H, W], read), gradient (∂source, feature, readWrite; written whole), partials (f32 [rows],
 * readWrite), [scaling (uniform vec4f: loss scale), if halves are stored].
 */
export const residualLoss: Build<ResidualLossSpec, PartialKernel> = (spec, target) => {
  const access = featureAccess(spec, target);
  const scaled = spec.storage === "f16";
  const pixels = spec.height * spec.width;
  const lanes = lanesOf(spec, target);
  const threads = Math.min(lanes, target.software ? 8 : 64);
  const { text, bindings } = declare(
    [
      ["noisy", "read", "f32"],
      ["source", "read", access.read],
      ["clean", "read", "f32"],
      ["gradient", "readWrite", access.readWrite],
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
    let i = image * ${pixels} + p;
    let d = noisy[i] - ${access.load("source[i]")}.x - clean[i];
    gradient[i] = ${access.store(`vec4f(-(${slope}) * ${1 / spec.count}f${scaled ? " * scaling.x" : ""}, 0, 0, 0)`)};
    sum += ${value};
  }
  partials[image * ${lanes} + lane] = sum;
}`;
  return {
    label: `residualLoss ${sizeText(spec)} ${spec.loss}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(lanes / threads), spec.images, 1],
    flops: 3 * pixelsOf(spec),
    bytes: 2 * featureBytes(spec, 1) + 2 * featureBytes(spec, PADDED),
    splits: lanes * spec.images,
    partialFloats: 1,
  };
};
