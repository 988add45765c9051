import { afterEach, describe, expect, it } from "vitest";
import { PURPOSE, RandomStream } from "@/contracts/random";
import type { Setup } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import type { Batch, ExecutorOptions } from "@/engine/executor";
import { optionsOf } from "@/engine/fixtureRun";
import { loadFixture, relativeError } from "@/engine/fixtures";
import { ReferenceExecutor } from "@/engine/reference/executor";
import type { Graph } from "@/model/graph";
import { initialWeights } from "@/model/init";
import { readSafetensors } from "@/model/safetensors";
import { epochOrder } from "../batches";
import { type Crew, type CrewOptions, crewOf, imagesOf } from "./crew.fixture";

const FILES = import.meta.glob<string>("./fixtures/*.safetensors", {
  query: "?url&inline",
  import: "default",
});

/** Gradients travel as float32, 2⁻²⁴ each; measured 1e-8 for losses of 8 steps, and no float32 of the weights differs. */
const NO_NORM_RTOL = 5e-7;
/** Against float64 throughout; measured 2e-8 for losses and 1.2e-7 for gradients, which are read as float32. */
const TORCH_RTOL = 5e-7;
/** Weights after 10 steps of Adam, whose first steps turn rounding of small gradients into whole ones; measured 1.1e-6. */
const TORCH_FINAL_RTOL = 1e-5;
/** As halves: 2⁻¹¹ of each gradient, twice, of the larger of two that may cancel. Weights move a thousandth; measured 2e-6. */
const HALVES_RTOL = 2e-3;

const SIZE = 16;
const ddp: Setup = { kind: "ddp", replicas: 2 };

let crews: Crew[] = [];
afterEach(async () => {
  for (const crew of crews) await crew.close();
  crews = [];
});
async function made(options: CrewOptions): Promise<Crew> {
  const crew = await crewOf(options);
  crews.push(crew);
  return crew;
}

/** Two convolutions and no BatchNorm, whose statistics of half a batch are not those of a whole one. */
const PLAIN: Graph = {
  name: "plain",
  inputChannels: 1,
  nodes: [
    { op: "input", id: 0 },
    { op: "conv", id: 1, input: 0, name: "a", kernel: 3, outChannels: 4 },
    { op: "relu", id: 2, input: 1 },
    { op: "conv", id: 3, input: 2, name: "b", kernel: 1, outChannels: 1 },
  ],
  output: 3,
};
const plain: ExecutorOptions = {
  graph: PLAIN,
  weights: initialWeights(PLAIN, 3),
  height: SIZE,
  width: SIZE,
  loss: "l2",
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
};
const TRAIN = Uint32Array.from({ length: 16 }, (_, i) => i);

/** Image `index` is a function of its number. */
const pairs = {
  pairs: async (indices: Uint32Array): Promise<Batch> => {
    const draw = (index: number, part: number) => {
      const stream = new RandomStream(part, PURPOSE.noise, index);
      return Array.from({ length: SIZE * SIZE }, () => stream.nextUint32() / 2 ** 32);
    };
    const all = (part: number) => Float32Array.from([...indices].flatMap((index) => draw(index, part)));
    return { images: indices.length, noisy: all(1), clean: all(2) };
  },
};

/** The largest error of any tensor but those left out. */
function worst(actual: StateDict, expected: StateDict, skip: RegExp = /^$/): number {
  return Math.max(
    ...[...expected]
      .filter(([name]) => !skip.test(name))
      .map(([name, { data }]) => relativeError(actual.get(name)?.data ?? [], data)),
  );
}

const EPOCHS = 4;

/** One executor with batches of 8: weights after 4 epochs, losses, and the first gradients. */
async function single() {
  const executor = new ReferenceExecutor(plain);
  const losses: number[] = [];
  let first: StateDict | null = null;
  for (let epoch = 1; epoch <= EPOCHS; epoch++)
    for (const number of [0, 1]) {
      const batch = await pairs.pairs(epochOrder(TRAIN, 1, epoch).subarray(8 * number, 8 * (number + 1)));
      losses.push(await executor.trainStep(batch, 1e-3));
      first ??= await executor.readGradients();
    }
  return { losses, first: first ?? new Map(), weights: await executor.readWeights() };
}

describe("two replicas with batches of b are one with batches of 2b", () => {
  const cases: [string, Partial<CrewOptions>, readonly number[] | null, number][] = [
    ["ddp", {}, null, NO_NORM_RTOL],
    ["ddp by sent buffers", { shared: false }, null, NO_NORM_RTOL],
    ["dp", { setup: { kind: "dp", replicas: 2 } }, null, NO_NORM_RTOL],
    ["ddp with shares of 5 and 3 images", {}, [5, 3], NO_NORM_RTOL],
    ["dp with shares of 1 and 7 images", { setup: { kind: "dp", replicas: 2 } }, [1, 7], NO_NORM_RTOL],
    ["ddp by halves", { payload: "f16" }, null, HALVES_RTOL],
  ];
  it.each(cases)("%s", async (_, options, shares, tolerance) => {
    const crew = await made({
      setup: ddp,
      options: plain,
      train: TRAIN,
      batchSize: 4,
      pairsOf: () => pairs,
      ...options,
    });
    if (shares) crew.group.setShares(shares);
    const expected = await single();
    const losses: number[] = [];
    for (let epoch = 1; epoch <= EPOCHS; epoch++)
      for (const number of [0, 1]) {
        losses.push((await crew.step(epoch, number)).loss);
        if (losses.length === 1)
          expect(worst((await crew.executors[0]?.readGradients()) ?? new Map(), expected.first)).toBeLessThan(
            tolerance,
          );
      }
    expect(relativeError(losses, expected.losses)).toBeLessThan(tolerance);
    const [leader, follower] = await Promise.all(crew.executors.map((executor) => executor.readWeights()));
    expect(worst(leader ?? new Map(), expected.weights)).toBeLessThan(tolerance);
    // Equals hold the same bits; a master's helper has what it was sent last.
    if (crew.group.setup.kind === "ddp") expect(follower).toEqual(leader);
  });
});

describe("PyTorch with two gloo processes", () => {
  it.each(["ddp", "dp"] as const)("%s computes the same losses, gradients and weights", async (kind) => {
    const response = await fetch((await FILES[`./fixtures/${kind}.safetensors`]?.()) ?? "");
    const { tensors, metadata } = readSafetensors(new Uint8Array(await response.arrayBuffer()));
    const about = JSON.parse(metadata["about"] ?? "") as { losses: number[]; images: [number, number] };
    const under = (prefix: string): StateDict =>
      new Map(
        [...tensors]
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
      );
    const fixture = await loadFixture("unet-l2");
    const [most, second] = about.images;
    const train = Uint32Array.from({ length: most + second }, (_, i) => i);
    const crew = await made({
      setup: { kind, replicas: 2 },
      options: optionsOf(fixture),
      train,
      batchSize: most,
      // Step s is the only one of epoch s + 1; rank r sees batch 2s + r. A master reads both parts.
      pairsOf: (rank) => ({
        pairs: async (indices, visit) => {
          const isFirst = epochOrder(train, 1, visit)[0] === indices[0];
          const part = kind === "dp" && !isFirst ? 1 : rank;
          const { batches } = fixture;
          return imagesOf(batches[(2 * (visit - 1) + part) % batches.length] as Batch, 0, indices.length);
        },
      }),
    });
    const losses: number[] = [];
    for (let step = 0; step < about.losses.length; step++) {
      losses.push((await crew.step(step + 1, 0)).loss);
      if (step === 0)
        expect(
          worst((await crew.executors[0]?.readGradients()) ?? new Map(), under("gradients/"), ZERO),
        ).toBeLessThan(TORCH_RTOL);
    }
    expect(relativeError(losses, about.losses)).toBeLessThan(TORCH_RTOL);
    const weights = (await crew.executors[0]?.readWeights()) ?? new Map();
    expect(worst(weights, under("final/"), ZERO)).toBeLessThan(TORCH_FINAL_RTOL);
  });
});

/** BatchNorm subtracts these biases again: their gradients are zero but for rounding, which Adam blows up. */
const ZERO = /\.2\.bias$|running_mean$/;
