import { afterEach, describe, expect, it, vi } from "vitest";
import type { StateDict } from "@/contracts/tensors";
import type { Batch, Executor, ExecutorInfo } from "@/engine/executor";
import { optionsOf } from "@/engine/fixtureRun";
import { loadFixture } from "@/engine/fixtures";
import { type Crew, type CrewOptions, crewOf } from "./crew.fixture";

let crews: Crew[] = [];
afterEach(async () => {
  for (const crew of crews) await crew.close();
  crews = [];
});

const IMAGES = 96;
const TRAIN = Uint32Array.from({ length: IMAGES }, (_, i) => i);
const pairs = {
  pairs: async (indices: Uint32Array): Promise<Batch> => ({
    images: indices.length,
    noisy: new Float32Array(indices.length),
    clean: new Float32Array(indices.length),
  }),
};

/** Computes nothing, in a time of its own that its clock tells. */
class TimedExecutor
  implements Pick<Executor, "info" | "computeGradients" | "readGradients" | "applyGradients">
{
  readonly info: ExecutorInfo = { engine: "timed", adapter: null, features: [], limits: {} };
  clockMs = 0;
  images = 0;
  private readonly gradients: StateDict;
  private readonly imageMs: number;
  /** Called before each batch. */
  before: () => Promise<void> | void = () => undefined;

  constructor(gradients: StateDict, imageMs: number) {
    this.gradients = gradients;
    this.imageMs = imageMs;
  }

  async computeGradients({ images }: Batch): Promise<number> {
    await this.before();
    this.clockMs += images * this.imageMs;
    this.images += images;
    return 1;
  }

  readGradients = async (): Promise<StateDict> => this.gradients;
  writeGradients = async (): Promise<void> => undefined;
  applyGradients = async (): Promise<void> => undefined;
}

async function timedCrew(imageMs: readonly number[], more: Partial<CrewOptions> = {}) {
  const fixture = await loadFixture("unet-l2");
  const timed = imageMs.map((ms) => new TimedExecutor(fixture.gradients, ms));
  const crew = await crewOf({
    setup: { kind: "ddp", replicas: imageMs.length },
    options: optionsOf(fixture),
    train: TRAIN,
    batchSize: 8,
    pairsOf: () => pairs,
    balance: true,
    wrap: (_, rank) => timed[rank] as unknown as Executor,
    clockOf: (rank) => () => timed[rank]?.clockMs ?? 0,
    ...more,
  });
  crews.push(crew);
  const steps = IMAGES / (8 * imageMs.length);
  /** Milliseconds that an epoch takes: every step ends with its slowest replica. */
  const epoch = async (number: number): Promise<number> => {
    let ms = 0;
    for (let step = 0; step < steps; step++) {
      const before = timed.map(({ clockMs }) => clockMs);
      await crew.step(number, step);
      ms += Math.max(...timed.map(({ clockMs }, rank) => clockMs - (before[rank] as number)));
    }
    crew.epochDone();
    return ms;
  };
  return { crew, timed, epoch };
}

/** As fast as the devices together can be. */
const idealMs = (imageMs: readonly number[]) => IMAGES / imageMs.reduce((sum, ms) => sum + 1 / ms, 0);

describe("devices of different speed", () => {
  it.each([[[10, 30]], [[30, 10]], [[10, 14, 45]]])(
    "of %j ms an image end an epoch within 1.15 of the ideal, once measured",
    async (imageMs) => {
      const { epoch, timed } = await timedCrew(imageMs);
      const first = await epoch(1);
      expect(first).toBeGreaterThan(1.3 * idealMs(imageMs));
      for (const number of [2, 3]) expect(await epoch(number)).toBeLessThan(1.15 * idealMs(imageMs));
      // Nobody's work was dropped.
      expect(timed.reduce((sum, { images }) => sum + images, 0)).toBe(3 * IMAGES);
    },
  );

  it("that are about as fast keep equal parts, and so the same bits", async () => {
    const { epoch, crew } = await timedCrew([10, 10.8]);
    await epoch(1);
    expect(crew.group.shares).toEqual([1, 1]);
  });

  it("that share one device are never moved about", async () => {
    const { epoch, crew } = await timedCrew([10, 30], { balance: false });
    await epoch(1);
    expect(crew.group.shares).toEqual([1, 1]);
  });
});

describe("a replica that stalls", () => {
  it("is waited for", async () => {
    const { crew, timed, epoch } = await timedCrew([10, 10]);
    const [, second] = timed;
    if (!second) throw new Error("no second replica");
    second.before = () => new Promise((resolve) => setTimeout(resolve, 100));
    await epoch(1);
    expect(crew.lost).toEqual([]);
    expect(timed.map(({ images }) => images)).toEqual([48, 48]);
  });

  it("for too long is given up: the others compute its images in the same step", async () => {
    const { crew, timed } = await timedCrew([10, 10, 10], { stallMs: 150 });
    const third = timed[2];
    if (!third) throw new Error("no third replica");
    await crew.step(1, 0);
    third.before = () => new Promise(() => undefined);
    const { images, loss } = await crew.step(1, 1);
    expect([images, loss]).toEqual([24, 1]);
    expect(crew.lost).toEqual([expect.stringMatching(/^2: it did not answer for \d+ s$/)]);
    expect(timed.map((replica) => replica.images)).toEqual([20, 20, 8]);
    // The rest of the epoch is theirs.
    await crew.step(1, 2);
    expect(timed.map((replica) => replica.images)).toEqual([32, 32, 8]);
  });

  it("is given up too when it has sent its gradients and says no more: the step is done", async () => {
    const { crew, timed } = await timedCrew([10, 10], { stallMs: 1500 });
    await crew.step(1, 0);
    const post = MessagePort.prototype.postMessage;
    const spy = vi.spyOn(MessagePort.prototype, "postMessage");
    spy.mockImplementation(function (this: MessagePort, ...args: unknown[]) {
      const [message] = args as [{ readonly type?: string }];
      if (message.type !== "computed") Reflect.apply(post, this, args);
    });
    try {
      expect(await crew.step(1, 1)).toMatchObject({ images: 16, loss: 1 });
    } finally {
      spy.mockRestore();
    }
    expect(crew.lost).toEqual([expect.stringMatching(/^1: it did not answer for \d+ s$/)]);
    await crew.step(1, 2);
    expect(timed.map(({ images }) => images)).toEqual([32, 16]);
  });
});
