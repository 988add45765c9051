import { expect } from "vitest";
import type { StateDict } from "@/contracts/tensors";
import type { Engine, Executor } from "../executor";
import { batchOf, createFor, optionsOf } from "../fixtureRun";
import { type Fixture, type FixtureName, loadFixture, relativeError } from "../fixtures";
import { referenceEngine } from "../reference/engine";
import { acquireBackend, type BackendName, makeCurrent, releaseBackend } from "./backend";

/** What a float32 engine must hold to against PyTorch's float64 run. Used by tests only. */
export interface Tolerances {
  /** Losses of 20 steps, relative. */
  readonly losses: number;
  /** Gradients of the first step: norm of the difference by the norm. */
  readonly gradients: number;
  /** Final weights, relative to the largest value of each tensor. */
  readonly final: number;
  /** Images inferred with PyTorch's final weights, relative to the largest value. */
  readonly inferred: number;
}

/** ‖actual − expected‖ / ‖expected‖. */
function normError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += ((actual[i] as number) - (expected[i] as number)) ** 2;
    norm += (expected[i] as number) ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** What cancels to zero in exact arithmetic is only held to be small beside the other gradients, which are about 1e-2. */
const CANCELLED = 1e-5;

export async function checkGradients(
  engine: Engine,
  name: FixtureName,
  tolerances: Tolerances,
): Promise<void> {
  const fixture = await loadFixture(name);
  const executor = await createFor(engine, fixture);
  try {
    await executor.computeGradients(batchOf(fixture, 0));
    const gradients = await executor.readGradients();
    expect([...gradients.keys()]).toEqual([...fixture.gradients.keys()]);
    for (const [key, { data }] of fixture.gradients) {
      const actual = gradients.get(key)?.data ?? new Float32Array();
      if (fixture.zeroGradients.includes(key))
        expect(relativeError(actual, data, 1), key).toBeLessThan(CANCELLED);
      else expect(normError(actual, data), key).toBeLessThan(tolerances.gradients);
    }
  } finally {
    await executor.dispose();
  }
}

/** Losses of `steps` steps; after all 20 also the weights and what they infer. */
export async function checkTraining(
  engine: Engine,
  name: FixtureName,
  tolerances: Tolerances,
  steps = 20,
): Promise<void> {
  const fixture = await loadFixture(name);
  const executor = await createFor(engine, fixture);
  try {
    for (const [step, expected] of fixture.losses.slice(0, steps).entries()) {
      const loss = await executor.trainStep(batchOf(fixture, step), fixture.learningRate);
      expect(Math.abs(loss / expected - 1), `loss of step ${step + 1}`).toBeLessThan(tolerances.losses);
    }
    if (steps < fixture.losses.length) return;
    const weights = await executor.readWeights();
    expect([...weights.keys()]).toEqual([...fixture.initial.keys()]);
    for (const [key, { data, shape }] of fixture.final ?? []) {
      // Adam turns the rounding of a gradient that is zero into steps of its own.
      if (fixture.zeroGradients.includes(key) || key.endsWith("running_mean")) continue;
      expect(weights.get(key)?.shape, key).toEqual(shape);
      expect(relativeError(weights.get(key)?.data ?? [], data), key).toBeLessThan(tolerances.final);
    }
    if (fixture.final && fixture.inferred) {
      // From PyTorch's final weights: own ones carry the drift of cancelled biases, which running means lag behind.
      await executor.writeWeights(fixture.final);
      const inferred = await executor.infer(batchOf(fixture, 0).noisy, batchOf(fixture, 0).images);
      expect(relativeError(inferred, fixture.inferred), "inferred").toBeLessThan(tolerances.inferred);
    }
  } finally {
    await executor.dispose();
  }
}

/** float32 against the float64 reference, after 17 convolutions. */
const ANY_SIZE_RTOL = 1e-5;

/** DnCNN takes sides that halve nowhere: it infers and trains as the reference does. */
export async function checkAnySize(engine: Engine): Promise<void> {
  const fixture = await loadFixture("dncnn");
  const [images, height, width] = [2, 17, 31];
  const { noisy, clean } = batchOf(fixture, 0);
  const count = images * height * width;
  const batch = { images, noisy: noisy.slice(0, count), clean: clean.slice(0, count) };
  const options = { ...optionsOf(fixture), height, width };
  const executor = await engine.create(options);
  const reference = await referenceEngine.create(options);
  try {
    const expected = await reference.infer(batch.noisy, images);
    expect(relativeError(await executor.infer(batch.noisy, images), expected)).toBeLessThan(ANY_SIZE_RTOL);
    const loss = await reference.trainStep(batch, fixture.learningRate);
    expect(Math.abs((await executor.trainStep(batch, fixture.learningRate)) / loss - 1)).toBeLessThan(
      ANY_SIZE_RTOL,
    );
  } finally {
    await executor.dispose();
    await reference.dispose();
  }
}

/** Two runs from the same state give the same bits. */
export async function checkSameBits(engine: Engine, name: FixtureName, steps: number): Promise<void> {
  const fixture = await loadFixture(name);
  const run = async (): Promise<Float32Array[]> => {
    const executor = await createFor(engine, fixture);
    for (let step = 0; step < steps; step++)
      await executor.trainStep(batchOf(fixture, step), fixture.learningRate);
    const weights = await executor.readWeights();
    await executor.dispose();
    return [...weights.values()].map(({ data }) => data);
  };
  expect(await run()).toEqual(await run());
}

/** The tensors of all backends of this thread stay as many while training, and vanish with the executor. */
export async function checkNoLeak(engine: Engine, name: FixtureName, steps: number): Promise<void> {
  const tf = await import("@tensorflow/tfjs-core");
  const before = tf.engine().state.numTensors;
  const fixture = await loadFixture(name);
  const executor = await createFor(engine, fixture);
  const batch = batchOf(fixture, 0);
  const round = async (): Promise<void> => {
    await executor.trainStep(batch, fixture.learningRate);
    await executor.infer(batch.noisy, batch.images);
  };
  await round();
  const tensors = tf.engine().state.numTensors;
  const { bytes } = executor.memory();
  for (let step = 1; step < steps; step++) await round();
  expect(tf.engine().state.numTensors).toBe(tensors);
  expect(executor.memory().bytes).toBe(bytes);
  expect(executor.memory().peakBytes).toBeGreaterThan(bytes);
  await executor.writeGradients(await executor.readGradients());
  await executor.writeOptimizer(await executor.readOptimizer());
  await executor.writeWeights(await executor.readWeights());
  await executor.dispose();
  await executor.dispose();
  expect(tf.engine().state.numTensors).toBe(before);
  const { backendName } = tf.engine();
  expect(executor.memory().bytes).toBe(0);
  expect(tf.engine().backendName, "asking started a backend").toBe(backendName);
  await expect(executor.infer(batch.noisy, batch.images)).rejects.toThrow("engine/disposed");
}

/** An executor that only infers holds its weights; Adam's moments come when they are wanted, as zeros. */
export async function checkMomentsLate(engine: Engine, name: FixtureName): Promise<void> {
  const fixture = await loadFixture(name);
  const executor = await createFor(engine, fixture);
  try {
    const weightBytes = [...fixture.initial.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(executor.memory().bytes).toBeLessThanOrEqual(weightBytes);
    await executor.infer(batchOf(fixture, 0).noisy, batchOf(fixture, 0).images);
    // The flat buffers and the parameters cut from them.
    expect(executor.memory().bytes).toBeLessThanOrEqual(2 * weightBytes);
    const { step, firstMoments, secondMoments } = await executor.readOptimizer();
    expect(step).toBe(0);
    for (const { data } of [...firstMoments.values(), ...secondMoments.values()])
      expect(data.every((value) => value === 0)).toBe(true);
    expect(executor.memory().bytes).toBeGreaterThan(3 * weightBytes);
  } finally {
    await executor.dispose();
  }
}

/** A second executor with the first one's state continues to the same bits; a step in two halves is a step. */
export async function checkStates(engine: Engine, name: FixtureName): Promise<void> {
  const fixture = await loadFixture(name);
  const first = await createFor(engine, fixture);
  const second = await createFor(engine, fixture);
  try {
    await expect(first.readGradients()).rejects.toThrow("engine/no-gradients");
    expect(await first.readWeights()).toEqual(fixture.initial);
    for (let step = 0; step < 2; step++) await first.trainStep(batchOf(fixture, step), fixture.learningRate);
    await second.writeWeights(await first.readWeights());
    await second.writeOptimizer(await first.readOptimizer());
    expect(await second.readOptimizer()).toEqual(await first.readOptimizer());
    const loss = await first.trainStep(batchOf(fixture, 2), fixture.learningRate);
    expect(await second.computeGradients(batchOf(fixture, 2))).toBe(loss);
    await second.writeGradients(await second.readGradients());
    await second.applyGradients(fixture.learningRate);
    expect(await second.readGradients()).toEqual(await first.readGradients());
    expect(await second.readWeights()).toEqual(await first.readWeights());
    const { noisy, images } = batchOf(fixture, 0);
    expect(await second.infer(noisy, images)).toEqual(await first.infer(noisy, images));
  } finally {
    await first.dispose();
    await second.dispose();
  }
}

/** Weights written between two steps are those that the next step goes from, in whichever way they are written. */
export async function checkWeightsBetweenSteps(engine: Engine, name: FixtureName): Promise<void> {
  const fixture = await loadFixture(name);
  const [trained, fresh] = [await createFor(engine, fixture), await createFor(engine, fixture)];
  try {
    await trained.trainStep(batchOf(fixture, 0), fixture.learningRate);
    await fresh.writeOptimizer(await trained.readOptimizer());
    const initial = await fresh.flat?.readParameters();
    if (!trained.flat || !initial) throw new Error("no flat access");
    await trained.writeWeights(fixture.initial);
    await trained.trainStep(batchOf(fixture, 1), fixture.learningRate);
    await fresh.trainStep(batchOf(fixture, 1), fixture.learningRate);
    expect(await trained.readWeights()).toEqual(await fresh.readWeights());
    await trained.flat.writeParameters(initial);
    await fresh.writeWeights(new Map([...(await fresh.readWeights()), ...trainableOf(fixture)]));
    for (const executor of [trained, fresh])
      await executor.trainStep(batchOf(fixture, 0), fixture.learningRate);
    expect(await trained.readWeights()).toEqual(await fresh.readWeights());
  } finally {
    await trained.dispose();
    await fresh.dispose();
  }
}

function trainableOf({ initial, gradients }: Fixture): StateDict {
  return new Map([...initial].filter(([name]) => gradients.has(name)));
}

/** Gradients and parameters cross flat from one executor to another, to the bit, and no tensor is left of them. */
export async function checkFlat(engine: Engine, name: FixtureName): Promise<void> {
  const tf = await import("@tensorflow/tfjs-core");
  const fixture = await loadFixture(name);
  const [a, b] = [await createFor(engine, fixture), await createFor(engine, fixture)];
  try {
    if (!a.flat || !b.flat) throw new Error("no flat access");
    await a.computeGradients(batchOf(fixture, 0));
    await b.computeGradients(batchOf(fixture, 1));
    await b.flat.writeGradients(await a.flat.readGradients());
    expect(await b.readGradients()).toEqual(await a.readGradients());
    for (const executor of [a, b]) await executor.applyGradients(1e-3);
    expect(await b.flat.readParameters()).toEqual(await a.flat.readParameters());
    await a.trainStep(batchOf(fixture, 2), 1e-3);
    const before = tf.memory().numTensors;
    await b.flat.writeParameters(await a.flat.readParameters());
    await b.flat.writeGradients(await a.flat.readGradients());
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before);
    expect(await b.flat.readParameters()).toEqual(await a.flat.readParameters());
    expect(
      await b.infer(batchOf(fixture, 0).noisy, batchOf(fixture, 0).images).then(({ length }) => length),
    ).toBeGreaterThan(0);
  } finally {
    await a.dispose();
    await b.dispose();
  }
}

/**
 * A device lost between two steps is a coded failure, and after it the backend can be started anew: the next executor goes
 * on to the bits of one that lost nothing.
 */
export async function checkLoss(engine: Engine, name: FixtureName, lose: () => void): Promise<void> {
  const tf = await import("@tensorflow/tfjs-core");
  const before = tf.engine().state.numTensors;
  const fixture = await loadFixture(name);
  const step = (executor: Executor, number: number): Promise<number> =>
    executor.trainStep(batchOf(fixture, number), fixture.learningRate);
  const executor = await createFor(engine, fixture);
  await step(executor, 0);
  const weights = await executor.readWeights();
  const optimizer = await executor.readOptimizer();
  const loss = await step(executor, 1);
  const whole = await executor.readWeights();
  lose();
  await expect(step(executor, 2)).rejects.toThrow("engine/device-lost");
  await executor.dispose();
  expect(executor.memory().bytes).toBe(0);
  expect(tf.engine().state.numTensors).toBe(before);
  const next = await createFor(engine, fixture);
  try {
    await next.writeWeights(weights);
    await next.writeOptimizer(optimizer);
    expect(await step(next, 1)).toBe(loss);
    expect(await next.readWeights()).toEqual(whole);
  } finally {
    await next.dispose();
  }
}

/** The gradient of a pooled window goes to the first of equal maxima, in reading order. */
export async function checkPooling(name: BackendName): Promise<void> {
  const backend = await acquireBackend(name);
  makeCurrent(backend);
  const { tf, kernels } = backend;
  // Two windows, two channels: equal maxima, a maximum in the last place, a negative window.
  const x = tf.tensor4d([5, 1, 5, 2, 0, -3, 7, -1, 5, 2, 1, 1, 7, -2, 7, -1], [1, 2, 4, 2]);
  const y = kernels.maxPool(x);
  const dx = kernels.maxPoolGradient(x, y, tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]));
  expect([...(await dx.data())]).toEqual([1, 0, 0, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0]);
  releaseBackend(backend);
}
