import { expect } from "vitest";
import { LabError } from "@/contracts/failure";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import type { Batch, Executor } from "../executor";
import { batchOf, createFor } from "../fixtureRun";
import { loadFixture, relativeError } from "../fixtures";
import { acquireDevice } from "./device";
import { webgpuEngine } from "./engine";
import { noise } from "./kernelChecks";

/** What executors promise beyond numbers, for tests in Node and in the browser. */

const SIZE = 16;
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

function create(): Promise<Executor> {
  const graph = buildGraph({ name: "unet", width: 1, norm: "last" });
  const weights = initialWeights(graph, 7);
  return webgpuEngine.create({ graph, weights, height: SIZE, width: SIZE, loss: "l1", adam: ADAM });
}

function batch(images: number): Batch {
  const clean = noise(images * SIZE * SIZE, 1);
  return { images, clean, noisy: clean.map((value, i) => value + Math.sin(i) / 10) };
}

/** Counts the device's live buffers while `work` runs: what it makes less what it destroys. */
async function liveBuffers(work: (live: () => number) => Promise<void>): Promise<number> {
  const { device } = await acquireDevice();
  const made: GPUBuffer[] = [];
  const gone = new Set<GPUBuffer>();
  const original = device.createBuffer;
  device.createBuffer = (descriptor) => {
    const buffer = original.call(device, descriptor);
    // Constants of kernels are held with the device, like its pipelines.
    if (descriptor.label === "constants") return buffer;
    const destroy = buffer.destroy;
    buffer.destroy = () => {
      gone.add(buffer);
      return destroy.call(buffer);
    };
    made.push(buffer);
    return buffer;
  };
  try {
    await work(() => made.length - gone.size);
  } finally {
    device.createBuffer = original;
  }
  return made.length - gone.size;
}

/** No buffer more after `steps` steps than after the first; none after dispose; the engine's own count agrees. */
export async function checkNoGrowth(steps: number): Promise<void> {
  const left = await liveBuffers(async (live) => {
    const executor = await create();
    await executor.trainStep(batch(3), 1e-3);
    await executor.infer(batch(2).noisy, 2);
    const buffers = live();
    const { bytes } = executor.memory();
    expect(bytes).toBeGreaterThan(0);
    for (let step = 0; step < steps; step++) await executor.trainStep(batch(2 + (step % 2)), 1e-3);
    await executor.infer(batch(1).noisy, 1);
    expect(live()).toBe(buffers);
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

/** More than a device can hold is refused with a code before anything is allocated. */
export async function checkOutOfMemory(): Promise<void> {
  const graph = buildGraph({ name: "unet", width: 16, norm: "last" });
  const weights = initialWeights(graph, 7);
  const executor = await webgpuEngine.create({
    graph,
    weights,
    height: 16,
    width: 32,
    loss: "l1",
    adam: ADAM,
  });
  try {
    const { bytes } = executor.memory();
    // 16 channels of float32: over the largest buffer that any adapter offers so far (4 GiB).
    const images = 132_000;
    const pixels = new Float32Array(images * 16 * 32);
    const step = executor.trainStep({ images, noisy: pixels, clean: pixels }, 1e-3);
    await expect(step).rejects.toThrow("engine/out-of-memory");
    expect(executor.memory().bytes).toBe(bytes);
    const two = pixels.slice(0, 2 * 16 * 32);
    expect(await executor.trainStep({ images: 2, noisy: two, clean: two }, 1e-3)).toBeGreaterThan(0);
  } finally {
    await executor.dispose();
  }
}
