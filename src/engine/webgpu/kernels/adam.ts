import type { Build, Kernel } from "./kernel";
import { declare } from "./wgsl";

export interface AdamSpec {
  /** Length of the flat buffers, in floats; a multiple of 4. */
  readonly floats: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Gradients carry the loss scale, and nothing happens where they overflowed (mixed precision). */
  readonly scaled: boolean;
}

/** Workgroups along x before a second row of them starts (the smallest limit is 65,535). */
const ROW = 32_768;

/**
 * One step of Adam in place over all parameters at once, in the order of operations of `torch.optim.Adam` (Kingma & Ba 2015,
 * no weight decay): p −= lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε). Bindings: gradients (read), parameters, firstMoments, secondMoments
 * (readWrite; vec4f), step (uniform vec4f: lr/(1−β₁ᵗ), √(1−β₂ᵗ)), where `scaled` scaling (uniform vec4f: loss scale, its
 * inverse) and overflow (u32, read). A thread reads and writes one vec4 of each.
 */
export const adam: Build<AdamSpec> = ({ floats, beta1, beta2, epsilon, scaled }, target): Kernel => {
  const threads = target.software ? 32 : 64;
  const vectors = floats / 4;
  const groups = Math.ceil(vectors / threads);
  const { text, bindings } = declare([
    ["gradients", "read", "vec4f"],
    ["parameters", "readWrite", "vec4f"],
    ["firstMoments", "readWrite", "vec4f"],
    ["secondMoments", "readWrite", "vec4f"],
    ["step", "uniform", "vec4f"],
    ...(scaled
      ? ([
          ["scaling", "uniform", "vec4f"],
          ["overflow", "read", "u32"],
        ] as const)
      : []),
  ]);
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * ${ROW} + group.x) * ${threads} + local;
  if (i >= ${vectors}) { return; }
  ${scaled ? "if (overflow[0] != 0) { return; }" : ""}
  let g = gradients[i]${scaled ? " * scaling.y" : ""};
  let m = ${beta1}f * firstMoments[i] + ${1 - beta1}f * g;
  let v = ${beta2}f * secondMoments[i] + ${1 - beta2}f * g * g;
  firstMoments[i] = m;
  secondMoments[i] = v;
  parameters[i] -= step.x * m / (sqrt(v) / step.y + ${epsilon}f);
}`;
  return {
    label: `adam ${floats}${scaled ? " scaled" : ""}`,
    wgsl,
    bindings,
    workgroups: [Math.min(groups, ROW), Math.ceil(groups / ROW), 1],
    flops: 12 * floats,
    bytes: 28 * floats,
  };
};

/** Threads of the check, each of which reads every THREADS-th vec4: few, so that its flag is written rarely. */
const CHECK_GROUPS = 512;

/**
 * Whether a gradient is no finite number, which is how values beyond the range of halves show (`packHalves`): overflow[0]
 * becomes 1, else it stays. By the bits of the exponent, because compilers may take numbers for finite. Bindings: gradients (read,
 * vec4u), overflow (readWrite, atomic u32, 0 before). The order of an `atomicOr` of the same bit does not matter.
 */
export const gradientCheck: Build<{ readonly floats: number }> = ({ floats }, target): Kernel => {
  const threads = target.software ? 32 : 64;
  const vectors = floats / 4;
  const groups = Math.min(CHECK_GROUPS, Math.ceil(vectors / threads));
  const { text, bindings } = declare([
    ["gradients", "read", "vec4u"],
    ["overflow", "readWrite", "atomic<u32>"],
  ]);
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  var found = false;
  for (var i = group.x * ${threads} + local; i < ${vectors}; i += ${groups * threads}) {
    found = found || any((gradients[i] & vec4u(0x7f800000u)) == vec4u(0x7f800000u));
  }
  if (found) { atomicOr(&overflow[0], 1u); }
}`;
  return {
    label: `gradientCheck ${floats}`,
    wgsl,
    bindings,
    workgroups: [groups, 1, 1],
    flops: floats,
    bytes: 4 * floats,
  };
};
