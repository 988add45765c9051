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
  /**
   * Send buckets as they become ready, from where they are averaged, as the engine `webgpu` does; instead of all after the
   * backward pass and out of an array of the engine's, as TensorFlow.js does.
   */
  readonly overlap: boolean;
  /** Bytes that this replica copies after each round, for the machine's own speed. */
  readonly floorBytes: number;
}

export interface ReplicaTimes {
  readonly stepMs: number[];
  readonly averageMs: number[];
  readonly floorMs: number[];
}

/** Chunks of what is copied are larger than any cache of one core. */
const CHUNK_BYTES = 2 ** 23;
/** Between a round and what is measured after it, so that all replicas have ended theirs. */
const PAUSE_MS = 60;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

self.onmessage = async ({ data: task }: MessageEvent<ExchangeTask | "round">) => {
  if (task === "round") return;
  const { port, rank, floats, replicas, payload, rounds, backwardMs, overlap } = task;
  const exchange = new Exchange(port);
  if (rank === 0) exchange.open(floats, payload);
  const places = await exchange.places();
  const gradients = overlap ? places.gradients : new Float32Array(floats);
  for (let i = 0; i < floats; i++) gradients[i] = (((i * 7919) % 65_521) - 32_760) / 2 ** (20 + (i % 5));
  const weights = Array<number>(replicas).fill(1 / replicas);
  const buckets = bucketsOf(floats);
  const times: ReplicaTimes = { stepMs: [], averageMs: [], floorMs: [] };
  const copy = copierOf(task.floorBytes);
  for (let round = 1; round <= rounds; round++) {
    // The page reads what processor time threads have used so far.
    const asked = new Promise((resolve) => self.addEventListener("message", resolve, { once: true }));
    self.postMessage("ready");
    await asked;
    const begunMs = performance.now();
    // Buckets become ready in their order, evenly over the backward pass.
    const ready = (index: number): Promise<void> =>
      wait(begunMs + (backwardMs * (index + 1)) / buckets.length - performance.now());
    if (!overlap) await wait(backwardMs);
    const outcome = await exchange.average(
      round,
      weights,
      gradients,
      places.mean,
      overlap ? (bucket) => ready(buckets.findIndex(({ offset }) => offset === bucket.offset)) : undefined,
    );
    times.stepMs.push(performance.now() - begunMs - backwardMs);
    if (!outcome.cancelled) times.averageMs.push(outcome.averageMs);
    self.postMessage("done");
    await new Promise((resolve) => self.addEventListener("message", resolve, { once: true }));
    await wait(PAUSE_MS);
    times.floorMs.push(copy());
  }
  exchange.close();
  self.postMessage(times);
};

/** Copies so many bytes from one array to another, and tells the milliseconds. */
function copierOf(bytes: number): () => number {
  const [from, to] = [new Uint8Array(bytes).fill(1), new Uint8Array(bytes).fill(2)];
  return () => {
    const begunMs = performance.now();
    for (let at = 0; at < bytes; at += CHUNK_BYTES) to.set(from.subarray(at, at + CHUNK_BYTES), at);
    return performance.now() - begunMs;
  };
}
