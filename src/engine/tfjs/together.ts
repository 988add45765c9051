import type { Tensor1D } from "@tensorflow/tfjs-core";
import type { Synchroniser } from "@/engine/synchroniser";
import { type Backend, makeCurrent } from "./backend";
import type { Answered, Asked, Asking } from "./network";

/**
 * Runs a pass by the statistics of all replicas: reads its own at each BatchNorm, waits for those of all, uploads them. Rejects as
 * the synchroniser does, after the pass has let go of what it holds.
 */
export async function together<T>(backend: Backend, pass: Asking<T>, synchroniser: Synchroniser): Promise<T> {
  let turn = pass.next();
  while (!turn.done) {
    const answered = await answerTo(backend, turn.value, synchroniser).catch((error: unknown) => {
      makeCurrent(backend);
      pass.throw(error);
      throw error;
    });
    turn = pass.next(answered);
  }
  return turn.value;
}

async function answerTo(
  backend: Backend,
  { kind, count, own }: Asked,
  synchroniser: Synchroniser,
): Promise<Answered> {
  const { tf } = backend;
  // One tensor, so that a GPU is waited for once.
  const both = tf.stack<Tensor1D>([...own]);
  tf.dispose([...own]);
  const values = Float64Array.from(await both.data());
  both.dispose();
  const channels = values.length / 2;
  const first = values.slice(0, channels);
  const second = values.slice(channels);
  let all: readonly [Float64Array, Float64Array];
  let allCount: number;
  if (kind === "moments") {
    const moments = await synchroniser.moments({ count, mean: first, variance: second });
    all = [moments.mean, moments.variance];
    allCount = moments.count;
  } else {
    const sums = await synchroniser.sums({ count, sum: first, product: second });
    all = [sums.sum, sums.product];
    allCount = sums.count;
  }
  // Another executor of this thread may have worked meanwhile.
  makeCurrent(backend);
  return {
    count: allCount,
    all: [tf.tensor1d(Float32Array.from(all[0])), tf.tensor1d(Float32Array.from(all[1]))],
  };
}
