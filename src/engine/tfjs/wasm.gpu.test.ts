import { describe, expect, it } from "vitest";
import type { ExecutorInfo } from "../executor";
import { loadFixture } from "../fixtures";

/** Float32 sums in the order of XNNPACK's tiles, against PyTorch's float64; the same bound as in Node. */
const LOSS_RTOL = 1e-4;
const STEPS = 5;

interface Trained {
  readonly losses: readonly number[];
  readonly info: ExecutorInfo;
  readonly isolated: boolean;
}

function trainInWorker(engine: string): Promise<Trained> {
  const worker = new Worker(new URL("./trainInWorker.worker.ts", import.meta.url), { type: "module" });
  return new Promise<Trained>((resolve, reject) => {
    worker.onmessage = ({ data }) => ("failure" in data ? reject(data.failure) : resolve(data));
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ engine, steps: STEPS });
  }).finally(() => worker.terminate());
}

describe("tfjs-wasm in a dedicated worker", () => {
  it("trains as PyTorch does, on threads where the page is isolated", async () => {
    const { losses, info, isolated } = await trainInWorker("tfjs-wasm");
    const fixture = await loadFixture("unet");
    losses.forEach((loss, step) => {
      expect(Math.abs(loss / (fixture.losses[step] as number) - 1)).toBeLessThan(LOSS_RTOL);
    });
    expect(losses).toHaveLength(STEPS);
    expect(info.features).toContain("simd");
    expect(isolated).toBe(true);
    if (navigator.hardwareConcurrency > 1) {
      expect(info.features).toContain("threads");
      expect(info.limits["threads"]).toBeGreaterThan(1);
    }
  });
});
