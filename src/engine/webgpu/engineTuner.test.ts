import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TuningReport } from "@/contracts/engineLab";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import type { ExecutorOptions } from "../executor";
import { acquireDevice, type LabDevice } from "./device";
import { webgpuEngine } from "./engine";
import { webgpuTuner } from "./engineTuner";
import { noise } from "./kernelChecks";
import type { Kernel, PartialKernel } from "./kernels/kernel";
import { declare } from "./kernels/wgsl";
import { setUpNodeGpu } from "./nodeGpu";
import type { Plan } from "./plan";
import { plansFor } from "./planFor";
import { Stopwatch } from "./stopwatch";
import { problemsOf, tunePlan } from "./tuner";
import { openDeviceBench } from "./tuningBench";

const missing = await setUpNodeGpu();
if (missing) console.warn(`tuner in Node: skipped. ${missing}`);

const SIZE = 16;
const IMAGES = 2;
const GRAPH = buildGraph({ name: "unet", width: 1, norm: "last" });
const OPTIONS: ExecutorOptions = {
  graph: GRAPH,
  weights: initialWeights(GRAPH, 7),
  height: SIZE,
  width: SIZE,
  loss: "l1",
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
};
/** Software adapters take seconds for every variant. */
const LONG_MS = 300_000;
/** float32 sums in another order, after a few steps. */
const LOSS_RTOL = 1e-4;

let lab: LabDevice;
const live = new Set<GPUBuffer>();
let createBuffer: GPUDevice["createBuffer"];

beforeAll(async () => {
  if (missing) return;
  lab = await acquireDevice();
  const { device } = lab;
  createBuffer = device.createBuffer;
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(device, descriptor);
    // Constants of kernels are held with the device, like its pipelines.
    if (descriptor.label === "constants") return buffer;
    const destroy = buffer.destroy;
    buffer.destroy = () => {
      live.delete(buffer);
      return destroy.call(buffer);
    };
    live.add(buffer);
    return buffer;
  };
});
afterAll(() => {
  if (!missing) lab.device.createBuffer = createBuffer;
});

/** Labels of a plan except for the first of each kind given. */
function allBut(plan: Plan, kinds: readonly string[]): Set<string> {
  const labels = problemsOf(plan, new Set()).map(({ label }) => label);
  const wanted = kinds.map((kind) => labels.find((label) => label.startsWith(kind)));
  return new Set(labels.filter((label) => !wanted.includes(label)));
}

async function losses(tuning: Readonly<Record<string, string>>): Promise<number[]> {
  const executor = await webgpuEngine.create({ ...OPTIONS, tuning });
  const clean = noise(IMAGES * SIZE * SIZE, 1);
  const noisy = clean.map((value, i) => value + Math.sin(i) / 10);
  const found: number[] = [];
  for (let step = 0; step < 4; step++)
    found.push(await executor.trainStep({ images: IMAGES, noisy, clean }, 1e-3));
  await executor.dispose();
  return found;
}

describe.skipIf(missing !== null)("the tuner in Node", () => {
  const KINDS = ["convForward 4→8", "convWgrad 8→8", "upconvDgrad 8←4"];

  it("chooses variants that train to the losses of the default", async () => {
    const { planAt } = plansFor(OPTIONS, "training", lab.target);
    const plan = planAt(IMAGES);
    const report = await webgpuTuner.tune(OPTIONS, IMAGES, "training", {
      known: allBut(plan, KINDS),
      budgetMs: LONG_MS,
    });
    expect(report).toMatchObject({ left: 0, failures: [] });
    expect(
      report.entries.flatMap(({ kernel }) => KINDS.filter((kind) => kernel.startsWith(kind))).sort(),
    ).toEqual(KINDS.toSorted());
    const { key } = await webgpuTuner.device();
    for (const { device, kernel, ms, defaultMs, variant, defaultVariant } of report.entries) {
      const found = plan.dispatches.find((each) => each.kernel.label === kernel)?.kernel;
      expect(found?.alternatives?.map(({ name }) => name)).toContain(variant);
      expect(found?.variant).toBe(defaultVariant);
      expect(device).toBe(key);
      expect(ms).toBeGreaterThan(0);
      expect(ms).toBeLessThanOrEqual(defaultMs);
    }
    expect(live.size).toBe(0);
    expect(lab.problem).toBeNull();
    // Of what was compiled only what the plan uses now is kept.
    const tuning = Object.fromEntries(report.entries.map(({ kernel, variant }) => [kernel, variant]));
    const tuned = plansFor(OPTIONS, "training", { ...lab.target, tuning: new Map(Object.entries(tuning)) });
    const texts = new Set(tuned.planAt(IMAGES).dispatches.map(({ kernel }) => kernel.wgsl));
    expect([...lab.pipelines.keys()].filter((text) => !texts.has(text))).toEqual([]);
    expect(lab.pipelines.size).toBeGreaterThan(0);
    // Whatever won on this machine: every kernel of these kinds as what is not the default.
    const others = Object.fromEntries(
      report.entries.map(({ kernel, defaultVariant }) => {
        const { alternatives = [] } =
          plan.dispatches.find((each) => each.kernel.label === kernel)?.kernel ?? {};
        return [kernel, alternatives.find(({ name }) => name !== defaultVariant)?.name ?? ""];
      }),
    );
    const untuned = await losses({});
    for (const loss of [await losses(tuning), await losses(others)])
      for (const [step, value] of loss.entries())
        expect(Math.abs(value / (untuned[step] as number) - 1)).toBeLessThan(LOSS_RTOL);
  });

  it("finds the variants for halves within their rounding", async () => {
    const options = { ...OPTIONS, precision: "mixed" } as const;
    const { planAt } = plansFor(options, "training", lab.target);
    const known = allBut(planAt(IMAGES), ["convForward 8→8", "convWgrad 8→8"]);
    const report = await webgpuTuner.tune(options, IMAGES, "training", { known, budgetMs: LONG_MS });
    expect(report).toMatchObject({ left: 0, failures: [] });
    expect(report.entries.map(({ kernel }) => kernel.includes("f16"))).toEqual([true, true]);
  });
});

describe.skipIf(missing !== null)("a variant on the device", () => {
  const COUNT = 1000;
  const SPLITS = 4;

  /** output = 2·source: `body` sees `i`, `v` and `output`; elements are floats or pairs of packed halves. */
  function doubling(element: "f32" | "u32", body: string): Kernel {
    const { text, bindings } = declare([
      ["source", "read", element],
      ["output", "readWrite", element],
    ]);
    const read = element === "f32" ? "vec2f(source[i])" : "unpack2x16float(source[i])";
    const packed =
      element === "f32"
        ? "fn pack(v: vec2f) -> f32 { return v.x; }"
        : "fn pack(v: vec2f) -> u32 { return pack2x16float(v); }";
    return {
      label: "doubling",
      wgsl: `${text}\n${packed}
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) group: vec3u) {
  let i = i32(group.x);
  let v = ${read};
  ${body}
}`,
      bindings,
      workgroups: [COUNT, 1, 1],
      flops: COUNT,
      bytes: 8 * COUNT,
    };
  }

  /** Sums of the source over `splits` parts of its rows of 4. */
  function summing(splits: number): PartialKernel {
    const { text, bindings } = declare([
      ["source", "read", "vec4f"],
      ["partials", "readWrite", "vec4f"],
    ]);
    return {
      label: "summing",
      wgsl: `${text}
@compute @workgroup_size(1) fn main(@builtin(workgroup_id) group: vec3u) {
  var sum = vec4f();
  for (var i = group.x; i < ${COUNT / 4}; i += ${splits}) { sum += source[i]; }
  partials[group.x] = sum;
}`,
      bindings,
      workgroups: [splits, 1, 1],
      flops: COUNT,
      bytes: 4 * COUNT,
      splits,
      partialFloats: 4,
    };
  }

  /** Tunes one kernel of these variants, the first the default. */
  async function tuneOnly(kernels: Readonly<Record<string, Kernel>>): Promise<TuningReport> {
    const alternatives = Object.entries(kernels).map(([name, kernel]) => ({ name, build: () => kernel }));
    const [first] = Object.values(kernels);
    if (!first) throw new Error("no variant");
    const bindings = [0, 1].map((tensor) => ({ kind: "tensor", tensor }) as const);
    const tensors = ["source", "output"].map((label, slot) => ({
      ...{ label, bytes: 4 * COUNT, first: 0, last: 0, slot },
    }));
    const dispatches = [{ label: "only", kernel: { ...first, alternatives }, bindings }];
    const plan: Plan = { dispatches, tensors, slots: [], slotBytes: 0, flops: 0, bytesMoved: 0 };
    return tunePlan({
      device: "this",
      known: new Set(),
      budgetMs: LONG_MS,
      images: 1,
      planAt: () => plan,
      openBench: (dispatch) => openDeviceBench(lab, dispatch, plan),
    });
  }
  const failuresOf = (report: TuningReport) =>
    report.failures.map(({ variant, failure }) => `${variant} ${failure.code}`);

  it.each(["f32", "u32"] as const)("that computes something else is refused (%s)", async (element) => {
    const report = await tuneOnly({
      standard: doubling(element, "output[i] = pack(2 * v);"),
      nothing: doubling(element, ""),
      oneMissing: doubling(element, `if (i != ${COUNT - 1}) { output[i] = pack(2 * v); }`),
      oneWrong: doubling(element, "output[i] = pack(select(2., 2.1, i == 500) * v);"),
      // No compiler knows that the quotient is 0.
      oneNotFinite: doubling(element, `output[i] = pack(2 * v / select(1., f32(i / ${COUNT}), i == 500));`),
      rounded: doubling(element, "output[i] = pack(2.0001 * v);"),
    });
    expect(failuresOf(report)).toEqual([
      "nothing engine/wrong-result",
      "oneMissing engine/wrong-result",
      "oneWrong engine/wrong-result",
      "oneNotFinite engine/wrong-result",
    ]);
    expect(["standard", "rounded"]).toContain(report.entries[0]?.variant);
    expect(live.size).toBe(0);
  });

  it("may leave partial sums in another number, if their sum is the same", async () => {
    const standard = summing(SPLITS);
    const report = await tuneOnly({
      standard,
      more: summing(5 * SPLITS),
      incomplete: { ...standard, workgroups: [SPLITS - 1, 1, 1] },
    });
    expect(failuresOf(report)).toEqual(["incomplete engine/wrong-result"]);
    expect(report.entries).toHaveLength(1);
    expect(live.size).toBe(0);
  });

  it("that does not compile, bind or dispatch is recorded, and harms nothing else", async () => {
    const standard = doubling("f32", "output[i] = pack(2 * v);");
    const report = await tuneOnly({
      standard,
      text: { ...standard, wgsl: "this is no WGSL" },
      bindings: { ...standard, wgsl: `${standard.wgsl} // 2`, bindings: standard.bindings.slice(1) },
      workgroups: { ...standard, workgroups: [1 << 20, 1, 1] },
    });
    expect(failuresOf(report)).toEqual([
      "text engine/kernel",
      "bindings engine/kernel",
      "workgroups engine/kernel",
    ]);
    expect(report.entries).toMatchObject([{ variant: "standard" }]);
    expect(lab.problem).toBeNull();
    expect(live.size).toBe(0);
  });
});

describe.skipIf(missing !== null)("the stopwatch", () => {
  it("tells more of more work, with timestamps and without", async () => {
    const plain = await (await navigator.gpu.requestAdapter())?.requestDevice();
    if (!plain) throw new Error("no device");
    const module = (device: GPUDevice) =>
      device.createComputePipelineAsync({
        layout: "auto",
        compute: {
          module: device.createShaderModule({
            code: `@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  var value = values[id.x];
  for (var i = 0; i < 2000; i++) { value = fma(value, value, 0.1f); }
  values[id.x] = value;
}`,
          }),
        },
      });
    for (const device of [lab.device, plain]) {
      const pipeline = await module(device);
      const buffer = device.createBuffer({ size: 4 * 4096, usage: GPUBufferUsage.STORAGE });
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer } }],
      });
      const stopwatch = new Stopwatch({ ...lab, device });
      const times: number[] = [];
      for (const repeats of [1, 4, 64]) {
        let fastest = Number.POSITIVE_INFINITY;
        for (let round = 0; round < 5; round++) {
          const { ms, wallMs } = await stopwatch.time("test", (pass) => {
            pass.setPipeline(pipeline);
            pass.setBindGroup(0, group);
            for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(64);
          });
          if (device === plain) expect(ms).toBe(wallMs);
          fastest = Math.min(fastest, ms);
        }
        times.push(fastest);
      }
      const [, few = 0, many = 0] = times;
      expect(many).toBeGreaterThan(3 * few);
      stopwatch.free();
      buffer.destroy();
    }
    plain.destroy();
    expect(live.size).toBe(0);
  });
});
