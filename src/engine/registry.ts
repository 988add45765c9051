import type { EngineName } from "@/contracts/runConfig";
import type { Engine } from "./executor";
import { referenceEngine } from "./reference/engine";
import { tfjsEngine } from "./tfjs/engine";
import { webgpuEngine } from "./webgpu/engine";

/** The engines that a run can name and this version has. */
export type RunnableEngine = Exclude<EngineName, "auto">;

const ENGINES: Readonly<Record<RunnableEngine | "reference", Engine>> = {
  webgpu: webgpuEngine,
  "tfjs-webgpu": tfjsEngine("webgpu"),
  "tfjs-webgl": tfjsEngine("webgl"),
  "tfjs-wasm": tfjsEngine("wasm"),
  "tfjs-cpu": tfjsEngine("cpu"),
  reference: referenceEngine,
};

/** An engine by name. Loads no TensorFlow.js; its `create` does. */
export function getEngine(name: RunnableEngine | "reference"): Engine {
  return ENGINES[name];
}

/** The engines that can run here, in the order of preference where nothing is known about speed. */
export async function availableEngines(): Promise<RunnableEngine[]> {
  const names: readonly RunnableEngine[] = ["webgpu", "tfjs-webgpu", "tfjs-wasm", "tfjs-webgl", "tfjs-cpu"];
  const reasons = await Promise.all(names.map((name) => ENGINES[name].unavailable()));
  return names.filter((_, index) => reasons[index] === null);
}
