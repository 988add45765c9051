import { describe, expect, it } from "vitest";
import type { ModelConfig } from "@/contracts/runConfig";
import { buildGraph } from "@/model/build";
import { layoutOf } from "../layout";
import { lower } from "../lower";
import { Network } from "../network";
import { planTraining } from "../trainingPlan";
import { convForward } from "./convForward";
import type { Kernel, Storage, Target } from "./kernel";

/** What WebGPU grants on every device. */
const GPU: Target = {
  software: false,
  subgroupSize: null,
  shaderF16: true,
  subgroupMatrices: [],
  tuning: new Map(),
  maxInvocationsPerWorkgroup: 256,
  maxWorkgroupBytes: 16_384,
  maxWorkgroupsPerDimension: 65_535,
};

const ELEMENT_BYTES: Readonly<Record<string, number>> = { f32: 4, vec4h: 8, vec4f: 16 };

/** Bytes of `array<array<vec4f, 11>, 18>`, read from the text and not from the builder's own count. */
function bytesOfType(type: string): number {
  const array = /^array<(.*), (\d+)>$/.exec(type);
  if (array) return Number(array[2]) * bytesOfType(array[1] as string);
  return ELEMENT_BYTES[type] ?? Number.NaN;
}

function workgroupOf({ wgsl }: Kernel): { readonly bytes: number; readonly threads: number } {
  const variables = [...wgsl.matchAll(/var<workgroup> \w+: (.*);/g)];
  return {
    bytes: variables.reduce((sum, [, type]) => sum + bytesOfType(type as string), 0),
    threads: Number(/@workgroup_size\((\d+)\)/.exec(wgsl)?.[1]),
  };
}

/** The kernels of a training step that have several variants. */
function kernelsOf(
  name: ModelConfig["name"],
  width: number,
  size: number,
  images: number,
  storage: Storage,
): Kernel[] {
  const lowered = lower(buildGraph({ name, width, norm: "last" }), size, size);
  const plan = planTraining(new Network(lowered, layoutOf(lowered), images, storage), { loss: "l1" }, GPU);
  return plan.dispatches.map(({ kernel }) => kernel).filter(({ alternatives }) => alternatives !== undefined);
}

describe.each([
  ["unet", "f32"],
  ["unet", "f16"],
  ["unetpp", "f32"],
  ["unetpp", "f16"],
] as const)("tiles for %s of width 64 at 256² and 16 images in %s", (name, storage) => {
  const kernels = kernelsOf(name, 64, 256, 16, storage);

  it("fit into the limits that every device has", () => {
    for (const kernel of kernels)
      for (const { name: variant, build } of kernel.alternatives ?? []) {
        const built = build();
        const what = `${kernel.label}, ${variant}`;
        const { bytes, threads } = workgroupOf(built);
        expect(bytes, what).toBeLessThanOrEqual(GPU.maxWorkgroupBytes);
        expect(threads, what).toBeLessThanOrEqual(GPU.maxInvocationsPerWorkgroup);
        for (const count of built.workgroups)
          expect(count, what).toBeLessThanOrEqual(GPU.maxWorkgroupsPerDimension);
        expect(built.label, what).toBe(kernel.label);
        expect(built.bindings, what).toEqual(kernel.bindings);
      }
  });

  it("are what a GPU runs, in float32 until a measurement says otherwise", () => {
    for (const { label, variant } of kernels) {
      expect(variant, label).toMatch(/^tile /);
      expect(variant, label).not.toMatch(/ f16$/);
    }
  });

  it("have names of their own, 4 to 12 an operation", () => {
    for (const { label, alternatives = [] } of kernels) {
      expect(new Set(alternatives.map((each) => each.name)).size, label).toBe(alternatives.length);
      expect(alternatives.length, label).toBeGreaterThanOrEqual(4);
      expect(alternatives.length, label).toBeLessThanOrEqual(12);
    }
  });
});

it("tiles are left out whose grid has more workgroups a dimension than the device runs", () => {
  // Blocks of 8×16 pixels are 8,192; of 8×8 twice as many.
  const target = { ...GPU, maxWorkgroupsPerDimension: 8192 };
  const sources = [{ channels: 64, normOffset: null, relu: false }];
  const spec = {
    images: 16,
    height: 256,
    width: 256,
    storage: "f32",
    sources,
    outChannels: 64,
    relu: false,
  } as const;
  const tiles = (convForward(spec, target).alternatives ?? []).filter(({ name }) => name.startsWith("tile"));
  expect(tiles.length).toBeGreaterThan(0);
  for (const { name, build } of tiles)
    expect(Math.max(...build().workgroups), name).toBeLessThanOrEqual(target.maxWorkgroupsPerDimension);
});

describe("the default", () => {
  it("is not a tile where most of it would be padding", () => {
    const small = kernelsOf("unet", 16, 32, 1, "f32");
    const deepest = small.filter(({ label }) => label.includes(" 2×2×1"));
    expect(deepest.length).toBeGreaterThan(0);
    for (const { label, variant } of deepest.filter((each) => each.label.startsWith("conv")))
      expect(variant, label).toMatch(/^(pixel|pair)$/);
  });
  it("is the first convolution's without workgroup memory", () => {
    const plan = kernelsOf("unet", 16, 32, 1, "f32").map(({ label }) => label);
    expect(plan.some((label) => label.startsWith("convForward 1→"))).toBe(false);
  });
  it("stays the processor's kernel on software adapters, with one tile for the tuner", () => {
    const lowered = lower(buildGraph({ name: "unet", width: 16, norm: "last" }), 64, 64);
    const network = new Network(lowered, layoutOf(lowered), 2, "f32");
    const plan = planTraining(network, { loss: "l1" }, { ...GPU, software: true, subgroupSize: 8 });
    for (const { kernel } of plan.dispatches) {
      const names = (kernel.alternatives ?? []).map((each) => each.name);
      expect(kernel.variant ?? "", kernel.label).not.toMatch(/^tile/);
      expect(names.filter((each) => each.startsWith("tile")).length, kernel.label).toBeLessThanOrEqual(1);
    }
  });
});
