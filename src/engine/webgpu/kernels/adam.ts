import type { Build, Kernel } from "./kernel";
import { declare } from "./wgsl";

export interface AdamSpec {
  /** Length of the flat buffers, in floats; a multiple of 4. */
  readonly floats: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Workgroups along x before a second row of them starts (the smallest limit is 65,535). */
const ROW = 32_768;

/**
 * One step of Adam in place over all parameters at once, in the order of operations of `torch.optim.Adam` (Kingma & Ba 2015,
 * no weight decay): p −= lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε). Bindings: gradients (read), parameters, firstMoments, secondMoments
 * (readWrite; vec4f), step (uniform vec4f: lr/(1−β₁ᵗ), √(1−β₂ᵗ)). A thread reads and writes one vec4 of each.
 */
export const adam: Build<AdamSpec> = ({ floats, beta1, beta2, epsilon }, target): Kernel => {
  const threads = target.software ? 32 : 64;
  const vectors = floats / 4;
  const groups = Math.ceil(vectors / threads);
  const { text, bindings } = declare([
    ["gradients", "read", "vec4f"],
    ["parameters", "readWrite", "vec4f"],
    ["firstMoments", "readWrite", "vec4f"],
    ["secondMoments", "readWrite", "vec4f"],
    ["step", "uniform", "vec4f"],
  ]);
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = (group.y * ${ROW} + group.x) * ${threads} + local;
  if (i >= ${vectors}) { return; }
  let g = gradients[i];
  let m = ${beta1}f * firstMoments[i] + ${1 - beta1}f * g;
  let v = ${beta2}f * secondMoments[i] + ${1 - beta2}f * g * g;
  firstMoments[i] = m;
  secondMoments[i] = v;
  parameters[i] -= step.x * m / (sqrt(v) / step.y + ${epsilon}f);
}`;
  return {
    label: `adam ${floats}`,
    wgsl,
    bindings,
    workgroups: [Math.min(groups, ROW), Math.ceil(groups / ROW), 1],
    flops: 12 * floats,
    bytes: 28 * floats,
  };
};
