import { expect, it } from "vitest";
import type { Batch, Executor } from "@/engine/executor";
import { optionsOf } from "@/engine/fixtureRun";
import { loadFixture } from "@/engine/fixtures";
import { acquireDevice } from "@/engine/webgpu/device";
import { WebgpuExecutor } from "@/engine/webgpu/executor";
import { setUpNodeGpu } from "@/engine/webgpu/nodeGpu";
import { crewOf, imagesOf } from "./crew.fixture";

const missing = await setUpNodeGpu();
if (missing) console.warn(`streamed gradients in Node: skipped. ${missing}`);

const STEPS = 3;

/** Losses and weights of two replicas on the webgpu engine; `streams`: gradients are sent while others are computed. */
async function run(streams: boolean) {
  const fixture = await loadFixture("unet-l2");
  const options = optionsOf(fixture);
  const lab = await acquireDevice();
  const made = [await WebgpuExecutor.create(lab, options), await WebgpuExecutor.create(lab, options)];
  let streamed = 0;
  const executors = made.map((executor): Executor => {
    const { streamGradients, ...flat } = executor.flat;
    if (!streams) return Object.assign(executor, { flat });
    const counted: typeof streamGradients = (...args) => {
      streamed++;
      return streamGradients?.(...args) ?? Promise.reject(new Error("no stream"));
    };
    return Object.assign(executor, { flat: { ...flat, streamGradients: counted } });
  });
  const crew = await crewOf({
    setup: { kind: "ddp", replicas: 2 },
    options,
    train: Uint32Array.from({ length: 6 }, (_, i) => i),
    batchSize: 3,
    pairsOf: (rank) => ({
      pairs: async (indices, visit) =>
        imagesOf(fixture.batches[(visit + rank) % fixture.batches.length] as Batch, 0, indices.length),
    }),
    wrap: (_, rank) => executors[rank] as Executor,
  });
  try {
    const losses: number[] = [];
    for (let epoch = 1; epoch <= STEPS; epoch++) losses.push((await crew.step(epoch, 0)).loss);
    return { losses, weights: await executors[1]?.readWeights(), streamed };
  } finally {
    await crew.close();
    for (const executor of made) await executor.dispose();
  }
}

it.skipIf(missing !== null)("gradients averaged while others are computed give the same bits", async () => {
  const [whole, pieces] = [await run(false), await run(true)];
  expect([whole.streamed, pieces.streamed]).toEqual([0, 2 * STEPS]);
  expect(pieces.losses).toEqual(whole.losses);
  expect(pieces.weights).toEqual(whole.weights);
});
