import { describe, expect, it } from "vitest";
import type { ModelConfig } from "@/contracts/runConfig";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { planInference } from "./inferencePlan";
import type { Storage, Target } from "./kernels/kernel";
import { layoutOf } from "./layout";
import { lower } from "./lower";
import { Network } from "./network";
import { permanentBytes } from "./permanents";
import { type Plan, placeInSlots } from "./plan";
import { planTraining } from "./trainingPlan";

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
const GIB = 2 ** 30;

function networkOf(model: ModelConfig, size: number, images: number, storage: Storage = "f32"): Network {
  const lowered = lower(buildGraph(model), size, size);
  return new Network(lowered, layoutOf(lowered), images, storage);
}

/** Tensors that a dispatch uses share no buffer, and no tensor is used outside of its life. */
function checkSlots(plan: Plan): void {
  for (const [index, { label, bindings }] of plan.dispatches.entries()) {
    const tensors = bindings.flatMap((target) => (target.kind === "tensor" ? [target.tensor] : []));
    const slots = tensors.map((tensor) => plan.tensors[tensor]?.slot);
    expect(new Set(slots).size, label).toBe(new Set(tensors).size);
    for (const tensor of tensors) {
      const { first, last, bytes, slot } = plan.tensors[tensor] as Plan["tensors"][number];
      expect(first <= index && index <= last, label).toBe(true);
      expect(bytes, label).toBeLessThanOrEqual(plan.slots[slot] as number);
    }
  }
  for (const [i, a] of plan.tensors.entries())
    for (const b of plan.tensors.slice(i + 1))
      if (a.slot === b.slot)
        expect(a.last < b.first || b.last < a.first, `${a.label}, ${b.label}`).toBe(true);
}

describe("placeInSlots", () => {
  it("shares where lives do not meet, and wastes least", () => {
    const { slots, slotOf } = placeInSlots([
      { bytes: 100, first: 0, last: 3 },
      { bytes: 40, first: 1, last: 2 },
      { bytes: 30, first: 4, last: 5 },
      { bytes: 90, first: 4, last: 6 },
    ]);
    expect(slots).toEqual([100, 40]);
    expect(slotOf).toEqual([0, 1, 1, 0]);
  });

  it("keeps lives that touch apart: the last reader of one may be the first writer of the next", () => {
    expect(
      placeInSlots([
        { bytes: 10, first: 0, last: 1 },
        { bytes: 10, first: 1, last: 2 },
      ]).slots,
    ).toEqual([10, 10]);
  });
});

describe("the plans", () => {
  const models: readonly ModelConfig[] = [
    { name: "unet", width: 8, norm: "last" },
    { name: "unet", width: 6, norm: "both" },
    { name: "unetpp", width: 4, norm: "last" },
    { name: "dncnn", width: 6, norm: "last" },
    { name: "dncnn", width: 6, norm: "none" },
  ];
  it.each(models)("place every tensor of $name, width $width, norm $norm", (model) => {
    const network = networkOf(model, 32, 3);
    checkSlots(planTraining(network, { loss: "l1" }, GPU));
    checkSlots(planInference(network, GPU));
  });

  it.each(["unetpp", "dncnn"] as const)(
    "write every gradient of %s except biases in front of a BatchNorm, whose gradient is zero",
    (name) => {
      const network = networkOf({ name, width: 4, norm: "last" }, 32, 2);
      const written = new Set(
        planTraining(network, { loss: "l2" }, GPU).dispatches.flatMap(({ bindings }) =>
          bindings.flatMap((target) =>
            target.kind === "permanent" && target.name === "gradients" ? [target.offset / 4] : [],
          ),
        ),
      );
      const normed = network.lowered.features
        .filter(({ norm }) => norm !== null)
        .map(({ label }) => `${label}.bias`);
      const missing = [...network.layout.parameters.values()].filter(({ offset }) => !written.has(offset));
      expect(missing.map(({ name }) => name).sort()).toEqual(normed.sort());
    },
  );

  it("count the arithmetic of the graph", () => {
    const model: ModelConfig = { name: "unet", width: 16, norm: "last" };
    const { flops } = planInference(networkOf(model, 64, 1), GPU);
    const expected = forwardFlops(buildGraph(model), 64, 64);
    // The rest is pooling and evaluating BatchNorm.
    expect(flops / expected).toBeGreaterThan(0.99);
    expect(flops / expected).toBeLessThan(1.02);
  });

  it("count the arithmetic of DnCNN, whose last convolution makes four channels of one", () => {
    const model: ModelConfig = { name: "dncnn", width: 64, norm: "last" };
    const { flops } = planInference(networkOf(model, 64, 1), GPU);
    const pixels = 64 * 64;
    const expected = forwardFlops(buildGraph(model), 64, 64) + 18 * 64 * 3 * pixels;
    expect(flops / expected).toBeGreaterThan(0.999);
    expect(flops / expected).toBeLessThan(1.001);
  });

  it("hold U-Net of width 64 at 256² and 16 images in 4.5 GiB, parameters included", () => {
    const network = networkOf({ name: "unet", width: 64, norm: "last" }, 256, 16);
    const plan = planTraining(network, { loss: "l1" }, GPU);
    expect(plan.slotBytes + permanentBytes(network.layout)).toBeLessThan(4.5 * GIB);
  });

  it.each([
    { name: "unet", storage: "f16", gib: 2.5 },
    { name: "unetpp", storage: "f16", gib: 5 },
  ] as const)(
    "hold $name of width 64 at 256² and 16 images in $gib GiB in halves",
    ({ name, storage, gib }) => {
      const network = networkOf({ name, width: 64, norm: "last" }, 256, 16, storage);
      const plan = planTraining(network, { loss: "l1" }, GPU);
      expect(plan.slotBytes + permanentBytes(network.layout)).toBeLessThan(gib * GIB);
    },
  );

  it("keep every binding of a default device's 128 MiB by parts of few images", () => {
    const limit = 128 * 2 ** 20;
    const lowered = lower(buildGraph({ name: "unetpp", width: 64, norm: "last" }), 256, 256);
    const network = new Network(lowered, layoutOf(lowered), 15, "f32", limit);
    expect(network.parts).toEqual([4, 4, 4, 3]);
    const plan = planTraining(network, { loss: "l1" }, GPU);
    checkSlots(plan);
    for (const { label, bindings } of plan.dispatches)
      for (const target of bindings) {
        const bytes =
          target.kind === "permanent"
            ? target.bytes
            : (target.range?.bytes ?? (plan.tensors[target.tensor]?.bytes as number));
        expect(bytes, label).toBeLessThanOrEqual(limit);
      }
  });

  it("keep no activations for inference", () => {
    const network = networkOf({ name: "unet", width: 64, norm: "last" }, 256, 1);
    const largest = 64 * 4 * 256 * 256;
    expect(planInference(network, GPU).slotBytes).toBeLessThan(6 * largest);
  });
});
