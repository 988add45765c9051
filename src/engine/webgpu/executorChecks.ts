import { expect, vi } from "vitest";
import { LabError } from "@/contracts/failure";
import type { NetworkName } from "@/contracts/runConfig";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import type { Batch, Engine, Executor, ExecutorOptions } from "../executor";
import { batchOf, createFor, optionsOf } from "../fixtureRun";
import { loadFixture, relativeError } from "../fixtures";
import { checkGradients, checkTraining, type Tolerances } from "../tfjs/engineChecks";
import { acquireDevice, type LabDevice } from "./device";
import { webgpuEngine } from "./engine";
import { WebgpuExecutor } from "./executor";
import { noise } from "./kernelChecks";
import { layoutOf } from "./layout";
import { lower } from "./lower";
import { DeviceMemory, outOfMemory } from "./memory";
import { countingBuffers } from "./memoryChecks";
import { Network } from "./network";
import { DISPATCH_MS, estimatedMs } from "./program";

/** What executors promise beyond numbers, for tests in Node and in the browser. */

const SIZE = 16;
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

function small(name: NetworkName = "unet"): ExecutorOptions {
  const graph = buildGraph({ name, width: 1, norm: "last" });
  const weights = initialWeights(graph, 7);
  return { graph, weights, height: SIZE, width: SIZE, loss: "l1", adam: ADAM };
}

const create = (name?: NetworkName): Promise<Executor> => webgpuEngine.create(small(name));

function batch(images: number): Batch {
  const clean = noise(images * SIZE * SIZE, 1);
  return { images, clean, noisy: clean.map((value, i) => value + Math.sin(i) / 10) };
}

/** No buffer more after `steps` steps than after the first; none after dispose; the engine's own count agrees. */
export async function checkNoGrowth(steps: number, name: NetworkName): Promise<void> {
  const left = await countingBuffers(async (live) => {
    const executor = await create(name);
    await executor.trainStep(batch(3), 1e-3);
    await executor.infer(batch(2).noisy, 2);
    const buffers = live.count();
    const { bytes } = executor.memory();
    expect(bytes).toBeGreaterThan(0);
    for (let step = 0; step < steps; step++) await executor.trainStep(batch(2 + (step % 2)), 1e-3);
    await executor.infer(batch(1).noisy, 1);
    expect(live.count()).toBe(buffers);
    expect(executor.memory().bytes).toBe(bytes);
    await executor.dispose();
    expect(executor.memory().bytes).toBe(0);
    await executor.dispose();
    await expect(executor.infer(batch(1).noisy, 1)).rejects.toThrow("engine/disposed");
  });
  expect(left).toBe(0);
}

/** A step equals its two halves, through read and written gradients and a resumed optimiser, bit for bit. */
export async function checkHalves(): Promise<void> {
  const whole = await create();
  const halves = await create();
  try {
    await expect(halves.applyGradients(1e-3)).rejects.toThrow("engine/no-gradients");
    for (let step = 0; step < 3; step++) {
      const loss = await whole.trainStep(batch(2), 1e-3);
      expect(await halves.computeGradients(batch(2))).toBe(loss);
      await halves.writeGradients(await halves.readGradients());
      await halves.applyGradients(1e-3);
      const state = await halves.readOptimizer();
      expect(state.step).toBe(step + 1);
      await halves.writeOptimizer(state);
      await halves.writeWeights(await halves.readWeights());
    }
    expect(await halves.readWeights()).toEqual(await whole.readWeights());
    expect(await halves.readOptimizer()).toEqual(await whole.readOptimizer());
  } finally {
    await whole.dispose();
    await halves.dispose();
  }
}

/** Gradients from elsewhere leave nothing behind in the next backward pass. */
export async function checkForeignGradients(): Promise<void> {
  const executor = await create();
  try {
    await executor.computeGradients(batch(2));
    const own = await executor.readGradients();
    const foreign = new Map(
      [...own].map(([name, { shape, data }]) => [name, { shape, data: data.map(() => 5) }]),
    );
    await executor.writeGradients(foreign);
    expect(await executor.readGradients()).toEqual(foreign);
    await executor.computeGradients(batch(2));
    expect(await executor.readGradients()).toEqual(own);
  } finally {
    await executor.dispose();
  }
}

/** A list longer than one pass, and batches of falling and rising size, give what single images give. */
export async function checkBatchSizes(): Promise<void> {
  const fixture = await loadFixture("unet");
  const { noisy } = batchOf(fixture, 0);
  const pixels = fixture.height * fixture.width;
  const executor = await createFor(webgpuEngine, fixture);
  try {
    const one = await executor.infer(noisy.slice(0, pixels), 1);
    const many = new Float32Array(18 * pixels);
    for (let image = 0; image < 18; image++) many.set(noisy.subarray(0, pixels), image * pixels);
    const all = await executor.infer(many, 18);
    for (let image = 0; image < 18; image++)
      expect(relativeError(all.subarray(image * pixels, (image + 1) * pixels), one)).toBe(0);
    await expect(executor.infer(noisy, 2)).rejects.toThrow("engine/batch");
  } finally {
    await executor.dispose();
  }
}

/** A device lost in the middle of a run is a coded failure, and the next executor gets a new device. */
export async function checkDeviceLoss(): Promise<void> {
  const executor = await create();
  await executor.trainStep(batch(2), 1e-3);
  (await acquireDevice()).device.destroy();
  const failure = await executor.trainStep(batch(2), 1e-3).then(
    () => null,
    (error: unknown) => (error instanceof LabError ? error.failure.code : error),
  );
  expect(failure).toBe("engine/device-lost");
  await executor.dispose();
  const next = await create();
  expect(await next.trainStep(batch(2), 1e-3)).toBeGreaterThan(0);
  await next.dispose();
}

/** A layer of one image over the device's largest buffer is refused with a code before anything is allocated. */
export async function checkOutOfMemory(): Promise<void> {
  const lab = limited(await acquireDevice(), 4 * 4 * SIZE * SIZE - 1);
  const executor = await WebgpuExecutor.create(lab, small());
  try {
    const { bytes } = executor.memory();
    await expect(executor.trainStep(batch(2), 1e-3)).rejects.toThrow("engine/out-of-memory");
    expect(executor.memory().bytes).toBe(bytes);
  } finally {
    await executor.dispose();
  }
}

/** The device with a smaller limit of buffers. */
function limited(lab: LabDevice, maxStorageBufferBindingSize: number): LabDevice {
  return { ...lab, limits: { ...lab.limits, maxStorageBufferBindingSize } };
}

/**
 * As without parts, but for the final weights: Adam makes whole steps of what rounding leaves of small gradients, so that
 * another order of sums moved one bias of U-Net++ by 1.1 % after 20 steps.
 */
const PARTS_TOLERANCES: Tolerances = { losses: 1e-4, gradients: 1e-3, final: 2e-2, inferred: 1e-4 };

/** Features in parts of all images but one, and of single images, compute what PyTorch computed. */
export async function checkParts(): Promise<void> {
  const fixture = await loadFixture("unetpp");
  const lab = await acquireDevice();
  const lowered = lower(buildGraph(fixture.model), fixture.height, fixture.width);
  const network = new Network(lowered, layoutOf(lowered), 1, "f32");
  const imageBytes = Math.max(...lowered.features.map(({ id }) => network.bytes(id, 1)));
  const { images } = batchOf(fixture, 0);
  for (const together of [1, images - 1]) {
    const engine: Engine = {
      ...webgpuEngine,
      create: (options) => WebgpuExecutor.create(limited(lab, together * imageBytes), options),
    };
    const executor = await WebgpuExecutor.create(limited(lab, together * imageBytes), optionsOf(fixture));
    const [note] = await executor.prepare(images);
    await executor.dispose();
    expect(note).toContain(`${Math.ceil(images / together)} parts`);
    await checkGradients(engine, "unetpp", PARTS_TOLERANCES);
    await checkTraining(engine, "unetpp", PARTS_TOLERANCES);
  }
}

/** A batch that memory does not hold is computed in passes: their gradients are added, and the user is told. */
export async function checkPasses(): Promise<void> {
  const lab = await acquireDevice();
  const whole = await WebgpuExecutor.create(lab, small());
  const divided = await WebgpuExecutor.create(lab, small());
  try {
    await withMemory(whole.planTraining(2).slotBytes, async () => {
      const [note] = await divided.prepare(4);
      expect(note).toContain("holds 2 of 4 images");
      await comparePasses(whole, divided, [2, 2]);
      await divided.applyGradients(1e-3);
      expect(await divided.trainStep(batch(4), 1e-3)).toBeGreaterThan(0);
    });
  } finally {
    await whole.dispose();
    await divided.dispose();
  }
}

/** A pass of fewer images, but in larger parts, takes no buffers from the pass before it: four images in two parts, then three in one. */
export async function checkPassesOfOtherParts(): Promise<void> {
  const lab = await acquireDevice();
  const lowered = lower(small().graph, SIZE, SIZE);
  const network = new Network(lowered, layoutOf(lowered), 1, "f32");
  const imageBytes = Math.max(...lowered.features.map(({ id }) => network.bytes(id, 1)));
  const whole = await WebgpuExecutor.create(lab, small());
  const divided = await WebgpuExecutor.create(limited(lab, 3 * imageBytes), small());
  expect([4, 3].map((images) => divided.planTraining(images).parts)).toEqual([[2, 2], [3]]);
  try {
    await withMemory(divided.planTraining(7).slotBytes - 1, () => comparePasses(whole, divided, [4, 3]));
  } finally {
    await whole.dispose();
    await divided.dispose();
  }
}

/** Runs `work` with a device that gives at most so many bytes at once. */
async function withMemory(bytes: number, work: () => Promise<void>): Promise<void> {
  const allocate = DeviceMemory.prototype.allocate;
  DeviceMemory.prototype.allocate = function (requests) {
    const wanted = requests.reduce((sum, request) => sum + request.bytes, 0);
    return wanted > bytes ? Promise.reject(outOfMemory("test")) : allocate.call(this, requests);
  };
  try {
    await work();
  } finally {
    DeviceMemory.prototype.allocate = allocate;
  }
}

/** The loss and gradients of one batch are the means of those of its pieces, by their images. */
async function comparePasses(whole: Executor, divided: Executor, pieces: readonly number[]): Promise<void> {
  const images = pieces.reduce((sum, count) => sum + count, 0);
  const all = batch(images);
  const loss = await divided.computeGradients(all);
  const expected = new Map<string, Float64Array>();
  let expectedLoss = 0;
  let start = 0;
  for (const count of pieces) {
    const end = start + count * SIZE * SIZE;
    const piece = { images: count, noisy: all.noisy.slice(start, end), clean: all.clean.slice(start, end) };
    start = end;
    const share = count / images;
    expectedLoss += share * (await whole.computeGradients(piece));
    for (const [name, { data }] of await whole.readGradients()) {
      const sum = expected.get(name) ?? new Float64Array(data.length);
      for (const [i, value] of data.entries()) sum[i] = (sum[i] as number) + share * value;
      expected.set(name, sum);
    }
  }
  expect(Math.abs(loss / expectedLoss - 1)).toBeLessThan(PASSES_RTOL);
  for (const [name, { data }] of await divided.readGradients())
    expect(relativeError(data, expected.get(name) ?? []), name).toBeLessThan(PASSES_RTOL);
}

/** float32 sums in another order. */
const PASSES_RTOL = 1e-4;

/** Dispatches cut into slices compute the same bits; a device that turns out fast gets fewer slices. */
export async function checkSlices(): Promise<void> {
  const lab = await acquireDevice();
  const whole = await WebgpuExecutor.create(lab, small());
  // So slow that the longest dispatch would take four times as long as one may: few are cut, since each text is compiled anew.
  const times = whole.planTraining(2).dispatches.map(({ kernel }) => estimatedMs(kernel, 1));
  const gflops = Math.max(...times) / (4 * DISPATCH_MS);
  const slow: LabDevice = { ...lab, gflops, slicedTexts: new Set() };
  const cut = await WebgpuExecutor.create(slow, small());
  const dispatched = vi.spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups");
  const countOf = async (executor: Executor): Promise<number> => {
    dispatched.mockClear();
    await executor.trainStep(batch(2), 1e-3);
    return dispatched.mock.calls.length;
  };
  try {
    const once = await countOf(whole);
    const atFirst = await countOf(cut);
    expect(atFirst).toBeGreaterThan(once + 3);
    await countOf(whole);
    await countOf(cut);
    expect(slow.gflops).toBeGreaterThan(4 * gflops);
    await countOf(whole);
    expect(await countOf(cut)).toBeLessThan(atFirst);
    expect(await cut.readWeights()).toEqual(await whole.readWeights());
  } finally {
    dispatched.mockRestore();
    await whole.dispose();
    await cut.dispose();
  }
}
