import { afterEach, describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import { PURPOSE, RandomStream } from "@/contracts/random";
import type { ModelConfig, Setup } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import type { Batch, Executor, ExecutorOptions } from "@/engine/executor";
import { relativeError } from "@/engine/fixtures";
import { ReferenceExecutor } from "@/engine/reference/executor";
import type { Synchroniser } from "@/engine/synchroniser";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { epochOrder } from "../batches";
import { type Crew, type CrewOptions, crewOf } from "./crew.fixture";

/** Statistics travel as float64, gradients as float32 (2⁻²⁴); measured 1.2e-7 for the first step. */
const GRADIENT_RTOL = 3e-7;
/** Losses of the first step, before any float32 has had a say; measured 6e-15. */
const FIRST_LOSS_RTOL = 1e-13;
/** Of 6 steps, made with gradients of that precision; measured 1.1e-8 and, for weights read as float32, 1.7e-7. */
const LOSS_RTOL = 1e-7;
const WEIGHTS_RTOL = 1e-6;

/** BatchNorm subtracts these biases again: their gradients are zero but for rounding. */
const ZERO = { last: /\.2\.bias$/, both: /\.[03]\.bias$/, none: /^$/ };

const SIZE = 16;
const IMAGES = 24;
const TRAIN = Uint32Array.from({ length: IMAGES }, (_, i) => i);

let crews: Crew[] = [];
afterEach(async () => {
  for (const crew of crews) await crew.close();
  crews = [];
});
async function made(options: Partial<CrewOptions> & Pick<CrewOptions, "setup">): Promise<Crew> {
  const crew = await crewOf({
    options: UNET,
    train: TRAIN,
    batchSize: IMAGES / 2 / options.setup.replicas,
    pairsOf: () => pairs,
    synchronised: true,
    ...options,
  });
  crews.push(crew);
  return crew;
}

function optionsFor(model: ModelConfig): ExecutorOptions {
  const graph = buildGraph(model);
  // A large ε, so that Adam does not make whole steps out of roundings of small gradients.
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-2 };
  return { graph, weights: initialWeights(graph, 3), height: SIZE, width: SIZE, loss: "l2", adam };
}
const UNET = optionsFor({ name: "unet", width: 2, norm: "last" });

/** Images of different brightness and contrast, so that no part has the whole's statistics. */
const pairs = {
  pairs: async (indices: Uint32Array): Promise<Batch> => {
    const draw = (index: number, part: number) => {
      const stream = new RandomStream(part, PURPOSE.noise, index);
      const contrast = 0.2 + (index % 5) / 5;
      return Array.from(
        { length: SIZE * SIZE },
        () => index / 9 + (contrast * stream.nextUint32()) / 2 ** 32,
      );
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
const named = (weights: StateDict, pattern: RegExp): StateDict =>
  new Map([...weights].filter(([name]) => pattern.test(name)));

const EPOCHS = 3;
const STEPS = [0, 1];

/** What a crew and one executor with the whole batches have after each step. */
interface Trace {
  readonly losses: number[];
  readonly gradients: StateDict;
  readonly firstRunning: StateDict;
  readonly weights: StateDict;
}

async function traced(
  step: (epoch: number, number: number) => Promise<number>,
  executor: Executor,
): Promise<Trace> {
  const losses: number[] = [];
  let gradients: StateDict = new Map();
  let firstRunning: StateDict = new Map();
  for (let epoch = 1; epoch <= EPOCHS; epoch++)
    for (const number of STEPS) {
      losses.push(await step(epoch, number));
      if (losses.length > 1) continue;
      gradients = await executor.readGradients();
      firstRunning = named(await executor.readWeights(), /running|tracked/);
    }
  return { losses, gradients, firstRunning, weights: await executor.readWeights() };
}

function single(options: ExecutorOptions): Promise<Trace> {
  const executor = new ReferenceExecutor(options);
  return traced(async (epoch, number) => {
    const order = epochOrder(TRAIN, 1, epoch);
    const half = IMAGES / 2;
    return executor.trainStep(await pairs.pairs(order.subarray(half * number, half * (number + 1))), 1e-3);
  }, executor);
}

const traceOf = (crew: Crew): Promise<Trace> =>
  traced(async (epoch, number) => (await crew.step(epoch, number)).loss, crew.executors[0] as Executor);

function expectSame(actual: Trace, expected: Trace, norm: ModelConfig["norm"] = "last"): void {
  expect(relativeError(actual.losses.slice(0, 1), expected.losses.slice(0, 1))).toBeLessThan(FIRST_LOSS_RTOL);
  expect(relativeError(actual.losses, expected.losses)).toBeLessThan(LOSS_RTOL);
  expect(worst(actual.gradients, expected.gradients, ZERO[norm])).toBeLessThan(GRADIENT_RTOL);
  // Read as float32 from float64 that differs in its last bits.
  expect(worst(actual.firstRunning, expected.firstRunning)).toBeLessThan(GRADIENT_RTOL);
  expect(worst(actual.weights, expected.weights)).toBeLessThan(WEIGHTS_RTOL);
  const tracked = named(actual.weights, /tracked/);
  expect([...tracked.values()].map(({ data }) => data[0])).toEqual(
    [...tracked].map(() => EPOCHS * STEPS.length),
  );
}

const ddp = (replicas: number): Setup => ({ kind: "ddp", replicas });
const dp = (replicas: number): Setup => ({ kind: "dp", replicas });

describe("replicas with synchronised BatchNorm are one with the whole batch", () => {
  const cases: [string, Setup, readonly number[] | null, ModelConfig["name"], ModelConfig["norm"]][] = [
    ["ddp:2", ddp(2), null, "unet", "last"],
    ["dp:2", dp(2), null, "unet", "last"],
    ["ddp:3", ddp(3), null, "unet", "last"],
    ["ddp:2 with shares of 5 and 7 images", ddp(2), [5, 7], "unet", "last"],
    // One image of 16×16 is one pixel at the bottom: alone, BatchNorm could not take it.
    ["dp:2 with shares of 11 and 1 images", dp(2), [11, 1], "unet", "last"],
    ["ddp:2, a BatchNorm after each convolution", ddp(2), null, "unet", "both"],
    ["ddp:2, U-Net++", ddp(2), null, "unetpp", "last"],
  ];
  it.each(cases)("%s", async (_, setup, shares, name, norm) => {
    const options = optionsFor({ name, width: 2, norm });
    const crew = await made({ setup, options });
    if (shares) crew.group.setShares(shares);
    const actual = await traceOf(crew);
    expectSame(actual, await single(options), norm);
    const [leader, follower] = await Promise.all(crew.executors.map((executor) => executor.readWeights()));
    // Equals hold the same bits, running statistics too.
    if (setup.kind === "ddp") expect(follower).toEqual(leader);
  });

  it("which replicas of local statistics are not", async () => {
    const crew = await made({ setup: ddp(2), synchronised: false });
    const actual = await traceOf(crew);
    const expected = await single(UNET);
    expect(relativeError(actual.losses.slice(0, 1), expected.losses.slice(0, 1))).toBeGreaterThan(1e-5);
    expect(worst(actual.firstRunning, expected.firstRunning)).toBeGreaterThan(1e-2);
  });

  it("to the same bits in two runs, whoever is first", async () => {
    const late = (rank: number, ms: number) => (executor: Executor, each: number) =>
      each === rank
        ? withSynchroniser(executor, async () => new Promise((resolve) => setTimeout(resolve, ms)))
        : executor;
    const [a, b] = [
      await traceOf(await made({ setup: ddp(2), wrap: late(0, 1) })),
      await traceOf(await made({ setup: ddp(2), wrap: late(1, 1) })),
    ];
    expect(a).toEqual(b);
  });
});

/** The executor with `before` called ahead of each of its exchanges, told how many came before in this batch. */
function withSynchroniser(executor: Executor, before: (earlier: number) => Promise<void>): Executor {
  const compute = executor.computeGradients.bind(executor);
  executor.computeGradients = (batch: Batch, synchroniser?: Synchroniser) => {
    let earlier = 0;
    return compute(
      batch,
      synchroniser && {
        moments: async (own) => {
          await before(earlier++);
          return synchroniser.moments(own);
        },
        sums: async (own) => {
          await before(earlier++);
          return synchroniser.sums(own);
        },
      },
    );
  };
  return executor;
}

const gone = new LabError("engine/device-lost", "The graphics device was lost (test).", "Continue the run.");
/** Of the U-Net: nine BatchNorms, forwards and backwards. */
const EXCHANGES = 18;

describe("a replica that goes in the middle of the statistics", () => {
  /** Rank `lost` fails ahead of exchange `at` of its second batch, or never answers. */
  const failing =
    (lost: number, at: number, how: "throws" | "hangs", batch = 2) =>
    (executor: Executor, rank: number): Executor => {
      if (rank !== lost) return executor;
      let batches = 0;
      return withSynchroniser(executor, async (earlier) => {
        if (earlier === 0) batches++;
        if (batches !== batch || earlier !== at) return;
        if (how === "throws") throw gone;
        await new Promise(() => undefined);
      });
    };

  const cases: [string, Setup, number, "throws" | "hangs"][] = [
    ["ddp:2, at the first BatchNorm", ddp(2), 0, "throws"],
    ["ddp:2, in the forward pass", ddp(2), 5, "throws"],
    ["ddp:2, in the backward pass", ddp(2), EXCHANGES - 1, "throws"],
    ["ddp:3, in the forward pass", ddp(3), 5, "throws"],
    ["ddp:3, in the backward pass", ddp(3), 12, "throws"],
    ["dp:3, in the backward pass", dp(3), 12, "throws"],
    ["ddp:3, without a word", ddp(3), 7, "hangs"],
  ];
  it.each(cases)("%s: the others make the same step", async (_, setup, at, how) => {
    const crew = await made({ setup, wrap: failing(1, at, how), ...(how === "hangs" && { stallMs: 1500 }) });
    const actual = await traceOf(crew);
    expect(crew.lost).toEqual([
      expect.stringMatching(how === "throws" ? /^1: The graphics device was lost/ : /^1: it did not answer/),
    ]);
    expectSame(actual, await single(UNET));
  });

  it("a second one, too", async () => {
    const crew = await made({
      setup: ddp(3),
      wrap: (executor, rank) => failing(2, 14, "throws", 3)(failing(1, 3, "throws")(executor, rank), rank),
    });
    const actual = await traceOf(crew);
    expect(crew.lost).toHaveLength(2);
    expectSame(actual, await single(UNET));
  });

  it("one that goes between the statistics and the mean", async () => {
    const crew = await made({
      setup: ddp(3),
      wrap: (executor, rank) => {
        if (rank !== 2) return executor;
        const read = executor.readGradients.bind(executor);
        let calls = 0;
        executor.readGradients = () => (++calls === 2 ? Promise.reject(gone) : read());
        return executor;
      },
    });
    const actual = await traceOf(crew);
    expect(crew.lost).toHaveLength(1);
    expectSame(actual, await single(UNET));
  });

  it("the leader itself: the others wait for its next round, whose numbers are those of a new start", async () => {
    let isBroken = true;
    const crew = await made({
      setup: ddp(2),
      wrap: (executor, rank) =>
        rank === 0
          ? withSynchroniser(executor, async (earlier) => {
              if (!isBroken || earlier !== 11) return;
              isBroken = false;
              throw gone;
            })
          : executor,
    });
    await expect(crew.step(1, 0)).rejects.toThrow("device was lost");
    expect(crew.lost).toEqual([]);
    expectSame(await traceOf(crew), await single(UNET));
  });
});

describe("with local statistics at a size that ends in one pixel", () => {
  it.each([
    ["a third of the images", ddp(3), 2, null],
    ["shares that would leave one image alone", ddp(2), 3, [5, 1]],
    ["and the other way round", dp(2), 3, [1, 5]],
  ] as const)("no image is computed alone: %s", async (_, setup, batchSize, shares) => {
    const sizes: number[] = [];
    let isLost = false;
    const crew = await made({
      setup,
      batchSize,
      synchronised: false,
      leastImages: 2,
      wrap: (executor, rank) => {
        const compute = executor.computeGradients.bind(executor);
        executor.computeGradients = async (batch) => {
          if (rank === 1 && isLost) throw gone;
          sizes.push(batch.images);
          return compute(batch);
        };
        return executor;
      },
    });
    if (shares) crew.group.setShares(shares);
    expect((await crew.step(1, 0)).images).toBe(6);
    isLost = true;
    for (const number of [1, 2]) expect((await crew.step(1, number)).images).toBe(6);
    expect(crew.lost).toHaveLength(1);
    expect(Math.min(...sizes)).toBeGreaterThan(1);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(18);
  });
});
