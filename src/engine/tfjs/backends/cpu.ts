import type { Opened } from "../backend";
import type { Tf } from "../kernels";

/** Plain JavaScript: slow, and there everywhere. */
export async function openCpu(tf: Tf): Promise<Opened> {
  await import("@tensorflow/tfjs-backend-cpu");
  await tf.setBackend("cpu");
  return {
    adapter: null,
    features: [],
    limits: {},
    failure: () => null,
    close: () => undefined,
    lastMaximum: false,
  };
}
