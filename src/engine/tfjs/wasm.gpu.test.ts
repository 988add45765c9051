import { describe, expect, it } from "vitest";
import type { ExecutorInfo } from "../executor";
import { loadFixture } from "../fixtures";
import type { TrainRequest } from "./trainInWorker.worker";

/** Ten times what XNNPACK's float32 sums were measured to be off, as in Node. */
const LOSS_RTOL = 1.5e-6;
const STEPS = 5;

interface Trained {
  readonly losses: readonly number[];
  readonly info: ExecutorInfo;
  readonly isolated: boolean;
}

function trainInWorker(cores: number): Promise<Trained> {
  const worker = new Worker(new URL("./trainInWorker.worker.ts", import.meta.url), { type: "module" });
  return new Promise<Trained>((resolve, reject) => {
    worker.onmessage = ({ data }) => ("failure" in data ? reject(data.failure) : resolve(data));
    worker.onerror = ({ message }) => reject(new Error(message));
    const request: TrainRequest = { engine: "tfjs-wasm", steps: STEPS, cores };
    worker.postMessage(request);
  }).finally(() => worker.terminate());
}

describe("tfjs-wasm in a dedicated worker", () => {
  it.for([
    { cores: 2, features: ["simd"], threads: 1 },
    { cores: 4, features: ["simd", "threads"], threads: 2 },
  ])("trains as PyTorch does with $threads threads", async ({ cores, features, threads }) => {
    const { losses, info, isolated } = await trainInWorker(cores);
    const fixture = await loadFixture("unet");
    losses.forEach((loss, step) => {
      expect(Math.abs(loss / (fixture.losses[step] as number) - 1)).toBeLessThan(LOSS_RTOL);
    });
    expect(losses).toHaveLength(STEPS);
    expect(isolated).toBe(true);
    expect(info.features).toEqual(features);
    expect(info.limits["threads"]).toBe(threads);
  });
});
