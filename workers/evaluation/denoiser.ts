import { parseRunConfig, type RunConfig } from "@/contracts/runConfig";
import type { Engine, Executor } from "@/engine/executor";
import { buildGraph } from "@/model/build";
import { sideMultiple } from "@/model/sides";
import { readModelFile } from "@/model/stateDict";
import { getModel, modelVersion } from "@/storage/models";
import { storedTuning } from "../tuning";
import { ExecutorCache } from "./executorCache";
import { nextTask } from "./nextTask";

/** Two: an image's tiles and a preview beside them. */
const MAX_EXECUTORS = 2;
const IDLE_MS = 30_000;

/** What an executor wants to know for training; here it only infers. */
const UNUSED_ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

export interface Inference {
  readonly output: Float32Array<ArrayBuffer>;
  readonly engine: string;
}

/** Runs stored models on images. Calls queue; executors are kept for a while. */
export class Denoiser {
  private readonly executors: ExecutorCache;
  private engine: Promise<Engine> | null = null;
  private readonly chooseEngine: () => Promise<Engine>;

  constructor(chooseEngine: () => Promise<Engine>) {
    this.chooseEngine = chooseEngine;
    this.executors = new ExecutorCache({
      limit: MAX_EXECUTORS,
      idleMs: IDLE_MS,
      create: (modelId, height, width) => this.createExecutor(modelId, height, width),
      // A run that goes on replaces its best weights under the same id.
      version: modelVersion,
    });
  }

  /** What the sides of a stored model's images must be a multiple of. Fails with `storage/missing`. */
  async sideMultiple(modelId: string): Promise<number> {
    return sideMultiple((await getModel(modelId)).model);
  }

  /** Images [count, height, width], sides as the network takes them, through a stored model; not clamped. */
  async infer(
    modelId: string,
    images: Float32Array<ArrayBuffer>,
    count: number,
    height: number,
    width: number,
  ): Promise<Inference> {
    const inference = await this.executors.use(modelId, height, width, async (executor) => ({
      output: await executor.infer(images, count),
      engine: executor.info.engine,
    }));
    // A cancel that came meanwhile is to be known before the next tile begins.
    await nextTask();
    return inference;
  }

  /** Frees what is kept of a model. */
  forget(modelId: string): Promise<void> {
    return this.executors.free(modelId);
  }

  private async createExecutor(modelId: string, height: number, width: number): Promise<Executor> {
    const { model, weights, metadata } = readModelFile((await getModel(modelId)).bytes);
    this.engine ??= this.chooseEngine();
    const engine = await this.engine.catch((error: unknown) => {
      this.engine = null;
      throw error;
    });
    return engine.create({
      graph: buildGraph(model),
      weights,
      height,
      width,
      loss: "l1",
      precision: inferencePrecision(metadata, engine.name),
      tuning: engine.tuner ? await storedTuning(engine.tuner) : {},
      adam: UNUSED_ADAM,
    });
  }
}

/** Halves where the model was trained in them and the engine has them: half the traffic, and the activations that it learned on. */
export function inferencePrecision(
  metadata: Readonly<Record<string, string>>,
  engine: string,
): RunConfig["engine"]["precision"] {
  if (engine !== "webgpu") return "f32";
  try {
    const config = parseRunConfig(JSON.parse(metadata["config"] ?? "null"));
    return config.ok ? config.value.engine.precision : "f32";
  } catch {
    // Weights from elsewhere may say anything.
    return "f32";
  }
}
