import { bucketsOf } from "@/training/parallel/buckets";
import { Exchange } from "@/training/parallel/exchange";

/** A replica without a network: it has gradients, and a backward pass that is a wait. */
export interface ExchangeTask {
  readonly port: MessagePort;
  readonly rank: number;
  readonly floats: number;
  readonly replicas: number;
  readonly payload: "f32" | "f16";
  readonly rounds: number;
  /** Milliseconds of the backward pass. */
  readonly backwardMs: number;
  /** Send buckets as they become ready, instead of after the backward pass. */
  readonly overlap: boolean;
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

self.onmessage = async ({ data: task }: MessageEvent<ExchangeTask>) => {
  const { port, rank, floats, replicas, payload, rounds, backwardMs, overlap } = task;
  const exchange = new Exchange(port);
  if (rank === 0) exchange.open(floats, payload);
  const gradients = new Float32Array(floats);
  for (let i = 0; i < floats; i++) gradients[i] = (((i * 7919) % 65_521) - 32_760) / 2 ** (20 + (i % 5));
  const mean = new Float32Array(floats);
  const weights = Array<number>(replicas).fill(1 / replicas);
  const buckets = bucketsOf(floats, payload);
  const stepMs: number[] = [];
  const averageMs: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const begunMs = performance.now();
    // Buckets become ready in their order, evenly over the backward pass.
    const ready = (index: number): Promise<void> =>
      wait(begunMs + (backwardMs * (index + 1)) / buckets.length - performance.now());
    if (!overlap) await wait(backwardMs);
    const outcome = await exchange.average(
      round,
      weights,
      gradients,
      mean,
      overlap ? (bucket) => ready(buckets.findIndex(({ offset }) => offset === bucket.offset)) : undefined,
    );
    stepMs.push(performance.now() - begunMs - backwardMs);
    if (!outcome.cancelled) averageMs.push(outcome.averageMs);
  }
  exchange.close();
  self.postMessage({ stepMs, averageMs });
};
