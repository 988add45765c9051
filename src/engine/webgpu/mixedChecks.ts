import { expect } from "vitest";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import type { Batch, Executor, ExecutorOptions } from "../executor";
import { batchOf, optionsOf } from "../fixtureRun";
import { type FixtureName, loadFixture } from "../fixtures";
import { acquireDevice } from "./device";
import { WebgpuExecutor } from "./executor";
import { noise } from "./kernelChecks";

/** What mixed precision promises, for tests in Node and in the browser. */

/** Losses of 20 steps against PyTorch in float64: halves carry 11 bits, and small networks average over few values. */
const LOSS_RTOL = 0.02;
/** The loss at the end of a longer run against float32. */
const LONG_RTOL = 0.03;
const LONG_STEPS = 200;
/** Steps whose mean loss is compared at the end: single batches differ by more than precisions do. */
const LAST_STEPS = 20;

const SIZE = 32;
const IMAGES = 2;
const RATE = 1e-3;

/** How halves are read: by the device's own (`shader-f16`), or unpacked from words as devices without them do. */
export type Halves = "native" | "packed";

/** Why halves cannot be read so on this device; null where they can. */
export async function lackOf(halves: Halves): Promise<string | null> {
  const { target } = await acquireDevice();
  return halves === "native" && !target.shaderF16 ? "The adapter has no 16-bit floats (shader-f16)." : null;
}

async function create(options: ExecutorOptions, halves: Halves): Promise<Executor> {
  const lack = await lackOf(halves);
  if (lack !== null) throw new Error(lack);
  const lab = await acquireDevice();
  const target = { ...lab.target, shaderF16: halves === "native" };
  return WebgpuExecutor.create({ ...lab, target }, options);
}

function nudged(options: ExecutorOptions, nudge: number): ExecutorOptions {
  const weights = [...options.weights].map(([name, { shape, data }]) => {
    const moved = data.map((value, i) => value * (1 + nudge * Math.sin(i)));
    return [name, { shape, data: moved }] as const;
  });
  return { ...options, weights: new Map(weights) };
}

function smallOptions(precision: "f32" | "mixed"): ExecutorOptions {
  const graph = buildGraph({ name: "unet", width: 4, norm: "last" });
  const weights = initialWeights(graph, 7);
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  return { graph, weights, height: SIZE, width: SIZE, loss: "l1", precision, adam };
}

/** Smooth pictures with noise, another draw each step. */
function noisyBatch(step: number): Batch {
  const pixels = SIZE * SIZE;
  const clean = Float32Array.from({ length: IMAGES * pixels }, (_, i) => {
    const [x, y] = [i % SIZE, Math.floor(i / SIZE) % SIZE];
    return 0.5 + 0.4 * Math.sin((x + step) / 5) * Math.cos((y * (1 + Math.floor(i / pixels))) / 7);
  });
  const added = noise(clean.length, step + 1);
  return { images: IMAGES, clean, noisy: clean.map((value, i) => value + 0.2 * (added[i] as number)) };
}

export async function checkMixedLosses(name: FixtureName, halves: Halves): Promise<void> {
  const fixture = await loadFixture(name);
  const executor = await create(optionsOf(fixture, "mixed"), halves);
  try {
    for (const [step, expected] of fixture.losses.entries()) {
      const loss = await executor.trainStep(batchOf(fixture, step), fixture.learningRate);
      expect(Math.abs(loss / expected - 1), `loss of step ${step + 1}`).toBeLessThan(LOSS_RTOL);
    }
    const { step, lossScale } = await executor.readOptimizer();
    expect({ step, lossScale }).toEqual({ step: 20, lossScale: { scale: 65_536, goodSteps: 20 } });
  } finally {
    await executor.dispose();
  }
}

/**
 * Ends are averaged over runs whose initial weights differ by these parts of themselves: so little moves the end of a run of this
 * small network by up to 3 % in float32, too.
 */
const NUDGES = [0, 1e-6, 1e-5];

/** 200 steps end where float32 ends. */
export async function checkLongRun(): Promise<void> {
  const end = async (precision: "f32" | "mixed"): Promise<number> => {
    let sum = 0;
    for (const nudge of NUDGES) {
      const executor = await WebgpuExecutor.create(
        await acquireDevice(),
        nudged(smallOptions(precision), nudge),
      );
      for (let step = 0; step < LONG_STEPS; step++) {
        const loss = await executor.trainStep(noisyBatch(step), RATE);
        if (step >= LONG_STEPS - LAST_STEPS) sum += loss / LAST_STEPS / NUDGES.length;
      }
      await executor.dispose();
    }
    return sum;
  };
  const expected = await end("f32");
  // It has learned something: the noise alone has a mean of 0.1.
  expect(expected).toBeLessThan(0.08);
  expect(Math.abs((await end("mixed")) / expected - 1)).toBeLessThan(LONG_RTOL);
}

/** A step whose gradients overflow changes nothing but the loss scale, and is not counted. */
export async function checkOverflow(halves: Halves): Promise<void> {
  const executor = await create(smallOptions("mixed"), halves);
  try {
    await executor.trainStep(noisyBatch(0), RATE);
    const weights = await executor.readWeights();
    const optimizer = await executor.readOptimizer();
    await executor.writeOptimizer({ ...optimizer, lossScale: { scale: 2 ** 60, goodSteps: 5 } });
    const loss = await executor.trainStep(noisyBatch(1), RATE);
    expect(loss).toBeGreaterThan(0);
    expect(await executor.readOptimizer()).toEqual({
      ...optimizer,
      lossScale: { scale: 2 ** 59, goodSteps: 0 },
    });
    for (const [name, { data }] of await executor.readWeights())
      if (!/running_|num_batches/.test(name)) expect(data, name).toEqual(weights.get(name)?.data);
    // Steps go on once the scale has fallen far enough.
    for (let step = 2; step < 60; step++) await executor.trainStep(noisyBatch(step), RATE);
    const later = await executor.readOptimizer();
    expect(later.step).toBeGreaterThan(optimizer.step);
    expect(later.lossScale?.scale).toBeLessThan(2 ** 40);
  } finally {
    await executor.dispose();
  }
}

/** Gradients read carry no loss scale, and a run goes on from its state to the same bits. */
export async function checkMixedState(): Promise<void> {
  const lab = await acquireDevice();
  const first = await WebgpuExecutor.create(lab, smallOptions("mixed"));
  const second = await WebgpuExecutor.create(lab, smallOptions("mixed"));
  const precise = await WebgpuExecutor.create(lab, smallOptions("f32"));
  try {
    await first.computeGradients(noisyBatch(0));
    await precise.computeGradients(noisyBatch(0));
    const bias = (await precise.readGradients()).get("final_conv.bias")?.data[0] ?? Number.NaN;
    const mixedBias = (await first.readGradients()).get("final_conv.bias")?.data[0] ?? Number.NaN;
    expect(Math.abs(mixedBias / bias - 1)).toBeLessThan(LOSS_RTOL);
    await first.applyGradients(RATE);
    await first.trainStep(noisyBatch(1), RATE);
    await second.writeWeights(await first.readWeights());
    await second.writeOptimizer(await first.readOptimizer());
    const loss = await first.trainStep(noisyBatch(2), RATE);
    expect(await second.computeGradients(noisyBatch(2))).toBe(loss);
    await second.writeGradients(await second.readGradients());
    await second.applyGradients(RATE);
    expect(await second.readWeights()).toEqual(await first.readWeights());
    expect(await second.readOptimizer()).toEqual(await first.readOptimizer());
  } finally {
    for (const executor of [first, second, precise]) await executor.dispose();
  }
}
