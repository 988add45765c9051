import type { Engine } from "@/engine/executor";
import { tfjsEngine } from "@/engine/tfjs/engine";
import { webgpuEngine } from "@/engine/webgpu/engine";
import { WebgpuExecutor } from "@/engine/webgpu/executor";
import type { DispatchTime } from "@/engine/webgpu/program";
import type { MakeTrainer, Trainer } from "./trainer";

/** The lab's WGSL engine can also time each dispatch. */
export interface ProfiledTrainer extends Trainer {
  readonly measure: ((...batch: Parameters<Trainer["step"]>) => Promise<DispatchTime[]>) | null;
}

const ofEngine =
  (name: string, engine: Engine, precision: "f32" | "mixed") =>
  async ({
    graph,
    weights,
    images,
    size,
    learningRate,
    adam,
  }: Parameters<MakeTrainer>[0]): Promise<ProfiledTrainer> => {
    const options = { graph, weights, height: size, width: size, loss: "l1", precision, adam } as const;
    const executor = await engine.create(options);
    await executor.prepare?.(images);
    return {
      name,
      step: (batch) => executor.trainStep(batch, learningRate),
      measure: executor instanceof WebgpuExecutor ? (batch) => executor.measure(batch) : null,
      dispose: () => executor.dispose(),
    };
  };

export const makeLabF32 = ofEngine("webgpu", webgpuEngine, "f32");
export const makeLabMixed = ofEngine("webgpu-mixed", webgpuEngine, "mixed");
export const makeLabWasm = ofEngine("tfjs-wasm", tfjsEngine("wasm"), "f32");
