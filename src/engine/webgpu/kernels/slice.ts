import type { Kernel } from "./kernel";

/** A kernel that computes some of its workgroups a dispatch; `slice` is the first, and what it is told in a uniform. */
export interface Slice {
  readonly workgroups: readonly [number, number, number];
  /** First workgroup in x, y and z, and 0. */
  readonly first: Uint32Array<ArrayBuffer>;
}

const SIGNATURE = /fn main\(@builtin\(workgroup_id\) group: vec3u([^{]*)\{/;

/**
 * The kernel with one more uniform behind its bindings and constants: the first workgroup of its dispatch. So a long dispatch can
 * be made of short ones, between which a shared GPU draws the page. Null for a kernel that does not work by
 * workgroups (they are all tiny).
 */
export function sliceable(kernel: Kernel): Kernel | null {
  if (!SIGNATURE.test(kernel.wgsl)) return null;
  const binding = kernel.bindings.length + (kernel.constants ? 1 : 0);
  const main = kernel.wgsl.replace(
    SIGNATURE,
    `@group(0) @binding(${binding}) var<uniform> slice: vec4u;
fn main(@builtin(workgroup_id) groupOfSlice: vec3u$1{
  let group = groupOfSlice + slice.xyz;`,
  );
  // The declaration must stand before the attributes of the entry point.
  const wgsl = main.replace(
    /(@compute @workgroup_size\([^)]*\)\s*)(@group\(0\) @binding\(\d+\) var<uniform> slice: vec4u;\n)/,
    "$2$1",
  );
  return { ...kernel, wgsl, sliced: true };
}

/** `count` slices along the longest side of the grid, of equal length but for the last; fewer where it is shorter. */
export function slicesOf({ workgroups }: Kernel, count: number): Slice[] {
  const axis = workgroups.indexOf(Math.max(...workgroups));
  const total = workgroups[axis] as number;
  const length = Math.ceil(total / Math.min(count, total));
  return Array.from({ length: Math.ceil(total / length) }, (_, index) => {
    const first = new Uint32Array(4);
    first[axis] = index * length;
    const own = [...workgroups] as [number, number, number];
    own[axis] = Math.min(length, total - index * length);
    return { workgroups: own, first };
  });
}
