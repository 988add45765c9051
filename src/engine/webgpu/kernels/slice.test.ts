import { describe, expect, it } from "vitest";
import type { Kernel } from "./kernel";
import { sliceable, slicesOf } from "./slice";

const kernel: Kernel = {
  label: "k",
  wgsl: `@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  output[group.x] = local;
}`,
  bindings: [{ name: "output", access: "readWrite", element: "u32" }],
  workgroups: [3, 10, 2],
  flops: 1,
  bytes: 1,
};

describe("slices", () => {
  it("cover the grid once, along its longest side", () => {
    const slices = slicesOf(kernel, 4);
    expect(slices.map(({ workgroups }) => workgroups)).toEqual([
      [3, 3, 2],
      [3, 3, 2],
      [3, 3, 2],
      [3, 1, 2],
    ]);
    expect(slices.map(({ first }) => [...first])).toEqual([
      [0, 0, 0, 0],
      [0, 3, 0, 0],
      [0, 6, 0, 0],
      [0, 9, 0, 0],
    ]);
  });

  it("are as many as there are workgroups at most", () => {
    expect(slicesOf(kernel, 1000)).toHaveLength(10);
    expect(slicesOf(kernel, 1)).toEqual([{ workgroups: [3, 10, 2], first: new Uint32Array(4) }]);
  });

  it("begin at a workgroup from a uniform behind all other bindings", () => {
    const text = sliceable(kernel)?.wgsl ?? "";
    expect(text).toContain("@group(0) @binding(1) var<uniform> slice: vec4u;\n@compute");
    expect(text).toContain("let group = groupOfSlice + slice.xyz;");
    expect(sliceable({ ...kernel, constants: Int32Array.of(1) })?.wgsl).toContain(
      "@binding(2) var<uniform> slice",
    );
  });

  it("leave a kernel alone that does not work by workgroups", () => {
    const wgsl = kernel.wgsl.replace("workgroup_id) group", "global_invocation_id) id");
    expect(sliceable({ ...kernel, wgsl })).toBeNull();
  });
});
