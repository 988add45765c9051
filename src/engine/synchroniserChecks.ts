import { expect } from "vitest";
import { LabError } from "@/contracts/failure";
import type { StateDict } from "@/contracts/tensors";
import type { Batch, Engine, Executor } from "./executor";
import { batchOf, optionsOf } from "./fixtureRun";
import { type Fixture, type FixtureName, loadFixture, relativeError } from "./fixtures";
import { meeting, refusing } from "./synchroniser.fixture";

/**
 * How far an engine whose replicas share statistics may be from PyTorch's float64 run of the whole batch, and with mixed precision,
 * where halves move first gradients of these small networks by a tenth, from the engine's own run of it. Used by tests only.
 */
export interface SynchronisedTolerances {
  /** Losses, relative. */
  readonly losses: number;
  /** Gradients of the first step: norm of the difference by the norm. */
  readonly gradients: number;
  /** Running statistics after the first step, relative to the largest value of each. */
  readonly running: number;
}

const part = (batch: Batch, first: number, images: number): Batch => {
  const area = batch.noisy.length / batch.images;
  const cut = (pixels: Batch["noisy"]) => pixels.slice(first * area, (first + images) * area);
  return { images, noisy: cut(batch.noisy), clean: cut(batch.clean) };
};

/** A batch cut into one of a single image, and the rest. */
function parts(batch: Batch): readonly [Batch, Batch] {
  return [part(batch, 0, 1), part(batch, 1, batch.images - 1)];
}

const shareOf = (of: Batch, batch: Batch): number => of.images / batch.images;

function mean(states: readonly StateDict[], shares: readonly number[]): StateDict {
  const [first = new Map()] = states;
  return new Map(
    [...first].map(([name, { shape, data }]) => {
      const sum = new Float32Array(data.length);
      for (const [rank, state] of states.entries())
        for (const [i, value] of (state.get(name)?.data ?? []).entries())
          sum[i] = (sum[i] as number) + (shares[rank] as number) * value;
      return [name, { shape, data: sum }];
    }),
  );
}

/** One step of two replicas: both get the mean of the gradients. Resolves to the mean loss. */
async function step(
  executors: readonly Executor[],
  batch: Batch,
  learningRate: number,
): Promise<{ readonly loss: number; readonly gradients: StateDict }> {
  const synchronisers = meeting(executors.length);
  const own = parts(batch);
  const shares = own.map((each) => shareOf(each, batch));
  const losses = await Promise.all(
    executors.map((executor, rank) => executor.computeGradients(own[rank] as Batch, synchronisers[rank])),
  );
  const gradients = mean(await Promise.all(executors.map((each) => each.readGradients())), shares);
  for (const executor of executors) {
    await executor.writeGradients(gradients);
    await executor.applyGradients(learningRate);
  }
  return { loss: losses.reduce((sum, loss, rank) => sum + (shares[rank] as number) * loss, 0), gradients };
}

function normError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
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

const running = (weights: StateDict): StateDict =>
  new Map([...weights].filter(([name]) => /running|tracked/.test(name)));

async function withExecutors<T>(
  engine: Engine,
  fixture: Fixture,
  count: number,
  precision: "f32" | "mixed",
  work: (executors: readonly Executor[]) => Promise<T>,
): Promise<T> {
  const executors: Executor[] = [];
  try {
    for (let rank = 0; rank < count; rank++)
      executors.push(await engine.create(optionsOf(fixture, precision)));
    return await work(executors);
  } finally {
    for (const executor of executors) await executor.dispose();
  }
}

/**
 * Two replicas with one image and the rest of each batch do what PyTorch does with the whole batch: first gradients, losses of
 * `steps` steps, running statistics. Both keep the same bits.
 */
export async function checkSynchronised(
  engine: Engine,
  name: FixtureName,
  tolerances: SynchronisedTolerances,
  steps: number,
  precision: "f32" | "mixed" = "f32",
): Promise<void> {
  const fixture = await loadFixture(name);
  const alone = await withExecutors(engine, fixture, 1, precision, async ([executor]) => {
    await executor?.computeGradients(batchOf(fixture, 0));
    const gradients = (await executor?.readGradients()) ?? new Map();
    return { gradients, running: running((await executor?.readWeights()) ?? new Map()) };
  });
  const expectedGradients = precision === "f32" ? fixture.gradients : alone.gradients;
  await withExecutors(engine, fixture, 2, precision, async (executors) => {
    for (const [index, expected] of fixture.losses.slice(0, steps).entries()) {
      const { loss, gradients } = await step(executors, batchOf(fixture, index), fixture.learningRate);
      expect(Math.abs(loss / expected - 1), `loss of step ${index + 1}`).toBeLessThan(tolerances.losses);
      if (index > 0) continue;
      for (const [key, { data }] of expectedGradients) {
        const actual = gradients.get(key)?.data ?? new Float32Array();
        if (fixture.zeroGradients.includes(key))
          expect(relativeError(actual, data, 1), key).toBeLessThan(CANCELLED);
        else expect(normError(actual, data), key).toBeLessThan(tolerances.gradients);
      }
      const moved = running((await executors[0]?.readWeights()) ?? new Map());
      expect([...moved.keys()]).toEqual([...alone.running.keys()]);
      for (const [key, { data }] of alone.running)
        expect(relativeError(moved.get(key)?.data ?? [], data), key).toBeLessThan(tolerances.running);
    }
    const [first, second] = await Promise.all(executors.map((executor) => executor.readWeights()));
    expect(second).toEqual(first);
  });
}

const calledOff = new LabError("run/called-off", "The round was called off (test).", "Compute it again.");

/**
 * A batch that is called off, at each of some exchanges, changes nothing: running statistics move with the step alone, and
 * what is computed next is what would have been.
 */
export async function checkCalledOff(
  engine: Engine,
  name: FixtureName,
  exchanges: readonly number[],
  live: () => number = () => 0,
): Promise<void> {
  const fixture = await loadFixture(name);
  const batch = batchOf(fixture, 0);
  await withExecutors(engine, fixture, 2, "f32", async ([steady, disturbed]) => {
    if (!steady || !disturbed) return;
    const [synchroniser] = meeting(1);
    const train = async (executor: Executor): Promise<number> => {
      const loss = await executor.computeGradients(batch, synchroniser);
      await executor.applyGradients(fixture.learningRate);
      return loss;
    };
    const before = await disturbed.readWeights();
    await disturbed.computeGradients(batch, synchroniser);
    expect(await disturbed.readWeights()).toEqual(before);
    const held = live();
    for (const at of exchanges)
      await expect(disturbed.computeGradients(batch, refusing(at, calledOff))).rejects.toThrow(calledOff);
    expect(await disturbed.readWeights()).toEqual(before);
    expect(live()).toBeLessThanOrEqual(held);
    for (let number = 0; number < 2; number++) expect(await train(disturbed)).toBe(await train(steady));
    expect(await disturbed.readWeights()).toEqual(await steady.readWeights());
    // And on by the batch's own statistics.
    expect(await disturbed.trainStep(batch, fixture.learningRate)).toBe(
      await steady.trainStep(batch, fixture.learningRate),
    );
    expect(await disturbed.readWeights()).toEqual(await steady.readWeights());
  });
}
