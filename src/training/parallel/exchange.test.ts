import { afterEach, describe, expect, it } from "vitest";
import type { Setup } from "@/contracts/runConfig";
import { Averager } from "./averager";
import { Exchange } from "./exchange";
import type { FromAverager, Payload, ToAverager } from "./messages";
import { storeLayout } from "./store";

/** Two buckets of 8 MiB and a few more floats. */
const FLOATS = 2 ** 22 + 3;

interface Crew {
  readonly averager: Averager;
  readonly exchanges: readonly Exchange[];
  readonly gone: string[];
  /** Messages that the averager has heard, by rank. */
  readonly heard: number[];
}

let crews: Crew[] = [];
afterEach(() => {
  for (const { averager, exchanges } of crews) {
    averager.close();
    for (const exchange of exchanges) exchange.close();
  }
  crews = [];
});

function crewOf(
  replicas: number,
  { shared = true, kind = "ddp" as Setup["kind"], payload = "f32" as Payload, floats = FLOATS } = {},
): Crew {
  const gone: string[] = [];
  const heard = Array<number>(replicas).fill(0);
  const averager = new Averager({
    setup: { kind, replicas },
    shared,
    onGone: (rank, reason) => gone.push(`${rank}: ${reason}`),
  });
  const exchanges = Array.from({ length: replicas }, (_, rank) => {
    const { port1, port2 } = new MessageChannel();
    connectCounted(averager, rank, port1, heard);
    return new Exchange(port2);
  });
  exchanges[0]?.open(floats, payload);
  const crew = { averager, exchanges, gone, heard };
  crews.push(crew);
  return crew;
}

const GRADIENTS = [0, 1, 2].map((rank) => {
  const gradients = new Float32Array(FLOATS);
  // Whole numbers over a power of two that differs from place to place.
  for (let i = 0; i < FLOATS; i++)
    gradients[i] = (((i * (2 * rank + 7919)) % 65_521) - 32_760) / (1 << (i % 23));
  return gradients;
});
const gradientsOf = (rank: number) => GRADIENTS[rank] as Float32Array;
const BUCKETS = 2;

function connectCounted(averager: Averager, rank: number, port: MessagePort, heard: number[]): void {
  averager.connect(rank, port);
  const { onmessage } = port;
  port.onmessage = (event) => {
    onmessage?.call(port, event);
    heard[rank] = (heard[rank] ?? 0) + 1;
  };
}

/** Until the averager has heard of all buckets of these ranks; the leader opens it with one more message. */
async function sent({ heard }: Pick<Crew, "heard">, ...ranks: readonly number[]): Promise<void> {
  while (ranks.some((rank) => (heard[rank] as number) < BUCKETS + (rank === 0 ? 1 : 0)))
    await new Promise((resolve) => setTimeout(resolve));
}

/** Whether two arrays have the same values; matchers take minutes for millions of them. */
const isSame = (a: Float32Array, b: Float32Array | undefined): boolean =>
  b !== undefined && a.length === b.length && a.every((value, i) => value === b[i]);

/** One round of all replicas; each one's mean. */
async function round({ exchanges }: Crew, number: number, weights: readonly number[]) {
  const means = exchanges.map(() => new Float32Array(FLOATS));
  const outcomes = await Promise.all(
    exchanges.map((exchange, rank) =>
      exchange.average(number, weights, gradientsOf(rank), means[rank] as Float32Array),
    ),
  );
  return { means, outcomes };
}

describe("the exchange", () => {
  it("gives every replica the weighted mean, the same bits by shared memory and by sent buffers, round after round", async () => {
    const weights = [0.25, 0.75];
    const a = gradientsOf(0);
    const b = gradientsOf(1);
    const expected = a.map((value, i) => 0.25 * value + 0.75 * (b[i] as number));
    for (const shared of [true, false]) {
      const crew = crewOf(2, { shared });
      for (const number of [1, 2, 3]) {
        const { means, outcomes } = await round(crew, number, weights);
        expect(outcomes.map(({ cancelled }) => cancelled)).toEqual([false, false]);
        for (const mean of means) expect(isSame(mean, expected)).toBe(true);
      }
    }
  });

  it("gives the same bits as halves, whichever way they travel, and whichever replica is first", async () => {
    const results: Float32Array[] = [];
    for (const shared of [true, false])
      for (const first of [0, 1]) {
        const crew = crewOf(2, { shared, payload: "f16" });
        const means = [new Float32Array(FLOATS), new Float32Array(FLOATS)];
        const average = (rank: number) =>
          (crew.exchanges[rank] as Exchange).average(
            1,
            [0.5, 0.5],
            gradientsOf(rank),
            means[rank] as Float32Array,
          );
        const early = average(first);
        await sent(crew, first);
        await Promise.all([early, average(1 - first)]);
        results.push(...means);
      }
    for (const result of results) expect(isSame(result, results[0])).toBe(true);
  });

  it("with DataParallel gives the mean to the master alone", async () => {
    for (const shared of [true, false]) {
      const { exchanges } = crewOf(2, { shared, kind: "dp" });
      const mean = new Float32Array(FLOATS);
      const [master, helper] = exchanges as [Exchange, Exchange];
      const outcomes = await Promise.all([
        master.average(1, [0.5, 0.5], gradientsOf(0), mean),
        helper.average(1, [0.5, 0.5], gradientsOf(1), null),
      ]);
      expect(outcomes).toMatchObject([{ cancelled: false }, { cancelled: false }]);
      expect(mean[5]).toBe(
        Math.fround(0.5 * (gradientsOf(0)[5] as number) + 0.5 * (gradientsOf(1)[5] as number)),
      );
    }
  });
});

describe("a replica that goes", () => {
  it("cancels the round for all, and the next one is made without it", async () => {
    for (const shared of [true, false]) {
      const crew = crewOf(3, { shared });
      const [leader, second] = crew.exchanges as [Exchange, Exchange];
      const heard: string[] = [];
      leader.onGone = (rank, reason) => heard.push(`${rank}: ${reason}`);
      const third = [1 / 3, 1 / 3, 1 / 3];
      const waiting = [leader, second].map((exchange, rank) =>
        exchange.average(1, third, gradientsOf(rank), new Float32Array(FLOATS)),
      );
      await sent(crew, 0, 1);
      crew.averager.lose(2, "its worker ended");
      expect(await Promise.all(waiting)).toEqual([{ cancelled: true }, { cancelled: true }]);
      expect(heard).toEqual(["2: its worker ended"]);
      expect(crew.gone).toEqual(["2: its worker ended"]);
      // Who still names it is told at once.
      expect(await leader.average(2, third, gradientsOf(0), null)).toEqual({ cancelled: true });
      const mean = new Float32Array(FLOATS);
      const halves = [0.5, 0.5, 0];
      const outcomes = await Promise.all([
        leader.average(3, halves, gradientsOf(0), mean),
        second.average(3, halves, gradientsOf(1), new Float32Array(FLOATS)),
      ]);
      expect(outcomes).toMatchObject([{ cancelled: false }, { cancelled: false }]);
      expect(mean[9]).toBe(
        Math.fround(0.5 * (gradientsOf(0)[9] as number) + 0.5 * (gradientsOf(1)[9] as number)),
      );
    }
  });

  it("is dropped when it has not sent all of a round that expires; who has stays", async () => {
    const crew = crewOf(3);
    const [leader, second] = crew.exchanges as [Exchange, Exchange];
    const waiting = [leader, second].map((exchange, rank) =>
      exchange.average(1, [1 / 3, 1 / 3, 1 / 3], gradientsOf(rank), new Float32Array(FLOATS)),
    );
    await sent(crew, 0, 1);
    leader.expire(1, "no answer");
    expect(await Promise.all(waiting)).toEqual([{ cancelled: true }, { cancelled: true }]);
    expect(crew.gone).toEqual(["2: no answer"]);
  });

  it("does not leave others waiting in a round that the leader has ended", async () => {
    const crew = crewOf(2);
    const [leader, second] = crew.exchanges as [Exchange, Exchange];
    const early = second.average(1, [0.5, 0.5], gradientsOf(1), null);
    await sent(crew, 1);
    leader.reset(1);
    expect(await early).toEqual({ cancelled: true });
    // One that comes late to it is told too.
    expect(await second.average(1, [0.5, 0.5], gradientsOf(1), null)).toEqual({ cancelled: true });
  });

  it("in the middle of a sum leaves nobody waiting, and can spoil no later mean", async () => {
    for (const shared of [true, false]) {
      const averager = new Averager({ setup: { kind: "ddp", replicas: 2 }, shared });
      const heard = [0, 0];
      const [one, other] = [new MessageChannel(), new MessageChannel()];
      connectCounted(averager, 0, one.port1, heard);
      averager.connect(1, other.port1);
      const leader = new Exchange(one.port2);
      crews.push({ averager, exchanges: [leader], gone: [], heard });
      // A replica that sends its buckets, is given one of them to sum, and does not.
      const told: FromAverager[] = [];
      other.port2.onmessage = ({ data }: MessageEvent<FromAverager>) => told.push(data);
      leader.open(FLOATS, "f32");
      const waiting = leader.average(1, [0.5, 0.5], gradientsOf(0), new Float32Array(FLOATS));
      for (const bucket of [0, 1]) {
        const data = shared || bucket === 1 ? null : new ArrayBuffer(4 * FLOATS);
        const message: ToAverager = {
          type: "bucket",
          round: 1,
          bucket,
          weights: [0.5, 0.5],
          scales: null,
          data,
        };
        other.port2.postMessage(message);
      }
      while (!told.some(({ type }) => type === "sum")) await new Promise((resolve) => setTimeout(resolve));
      expect(told.find(({ type }) => type === "sum")).toMatchObject({ bucket: 1 });
      leader.expire(1, "no answer");
      expect(await waiting).toEqual({ cancelled: true });
      const { mean } = await leader.places();
      const alone = await leader.average(2, [1, 0], gradientsOf(0), mean);
      expect(alone).toMatchObject({ cancelled: false });
      // Its thread ends the sum all the same, where it was told that means lie.
      const memory = told.find(({ type }) => type === "memory");
      if (memory?.type === "memory" && memory.memory)
        new Float32Array(memory.memory.buffer, storeLayout(FLOATS, "f32", 2).mean, FLOATS).fill(7);
      expect(isSame(gradientsOf(0), mean)).toBe(true);
      other.port2.close();
    }
  });
});
