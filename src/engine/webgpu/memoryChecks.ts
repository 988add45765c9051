import { expect } from "vitest";
import type { ModelConfig } from "@/contracts/runConfig";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import type { ExecutorOptions } from "../executor";
import { acquireDevice } from "./device";
import { WebgpuExecutor } from "./executor";
import { noise } from "./kernelChecks";
import { plansFor } from "./planFor";

/** What the planner promises of device bytes, for tests in Node and in the browser. */

const SIZE = 32;
const IMAGES = 3;

/** Buffers that a device holds for whoever asked for them, counted where they are made and destroyed. */
export interface LiveBuffers {
  readonly count: () => number;
  readonly bytes: () => number;
  /** The most bytes that were live at once. */
  readonly peakBytes: () => number;
}

/** Counts the device's live buffers while `work` runs; resolves to how many it left. */
export async function countingBuffers(work: (live: LiveBuffers) => Promise<void>): Promise<number> {
  const { device } = await acquireDevice();
  const live = new Set<GPUBuffer>();
  let bytes = 0;
  let peakBytes = 0;
  const original = device.createBuffer;
  device.createBuffer = (descriptor) => {
    const buffer = original.call(device, descriptor);
    // Constants of kernels are held with the device, like its pipelines.
    if (descriptor.label === "constants") return buffer;
    const destroy = buffer.destroy;
    buffer.destroy = () => {
      if (live.delete(buffer)) bytes -= buffer.size;
      return destroy.call(buffer);
    };
    live.add(buffer);
    bytes += buffer.size;
    peakBytes = Math.max(peakBytes, bytes);
    return buffer;
  };
  try {
    await work({ count: () => live.size, bytes: () => bytes, peakBytes: () => peakBytes });
  } finally {
    device.createBuffer = original;
  }
  return live.size;
}

/**
 * The planner's figures, which the engine screen prints, are the device's live bytes to the byte: of an executor that trained,
 * those of the training plan; once it has inferred too, the inference plan's slots besides. Its own count agrees, and its peak is
 * the most that was live at any moment.
 */
export async function checkPlannedBytes(
  name: ModelConfig["name"],
  precision: "f32" | "mixed",
): Promise<void> {
  const graph = buildGraph({ name, width: 4, norm: "last" });
  const options: ExecutorOptions = {
    graph,
    weights: initialWeights(graph, 7),
    height: SIZE,
    width: SIZE,
    loss: "l1",
    precision,
    adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  };
  const clean = noise(IMAGES * SIZE * SIZE, 1);
  const batch = { images: IMAGES, clean, noisy: clean.map((value, i) => value + Math.sin(i) / 10) };
  const { target } = await acquireDevice();
  const { permanentBytes, planAt } = plansFor(options, "training", target);
  const trainedBytes = permanentBytes + planAt(IMAGES).slotBytes;
  const inferenceSlotBytes = plansFor(options, "inference", target).planAt(IMAGES).slotBytes;
  const left = await countingBuffers(async (live) => {
    const executor = await WebgpuExecutor.create(await acquireDevice(), options);
    const seen = (): number[] => [live.bytes(), executor.memory().bytes];
    expect(seen()).toEqual([permanentBytes, permanentBytes]);
    for (let step = 0; step < 2; step++) {
      await executor.trainStep(batch, 1e-3);
      expect(seen(), `after step ${step + 1}`).toEqual([trainedBytes, trainedBytes]);
      // Nothing is read back but the loss, into a buffer that was there.
      expect(executor.memory().peakBytes).toBe(trainedBytes);
    }
    const bothBytes = trainedBytes + inferenceSlotBytes;
    for (let pass = 0; pass < 2; pass++) {
      await executor.infer(batch.noisy, IMAGES);
      expect(seen(), "after inference").toEqual([bothBytes, bothBytes]);
    }
    await executor.readWeights();
    await executor.trainStep(batch, 1e-3);
    expect(seen(), "after all").toEqual([bothBytes, bothBytes]);
    expect(executor.memory().peakBytes, "peak").toBe(live.peakBytes());
    // Beyond the plans, the buffer that weights were read through: as large as they are, and four such stay (with gradients
    // and moments).
    expect(live.peakBytes() - bothBytes).toBeGreaterThan(0);
    expect(live.peakBytes() - bothBytes).toBeLessThanOrEqual(permanentBytes / 4);
    await executor.dispose();
    expect(seen(), "after dispose").toEqual([0, 0]);
  });
  expect(left).toBe(0);
}
