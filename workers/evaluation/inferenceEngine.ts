import { LabError } from "@/contracts/failure";
import { findWebgpuAdapter, isSoftware } from "@/engine/adapter";
import type { Engine } from "@/engine/executor";
import { getEngine } from "@/engine/registry";

/**
 * One image at a time: what starts and runs fastest first. WebGPU leads only with a real GPU behind it: on 2 cores,
 * U-Net width 8, one image of 256², the first result took 0.7 s with WASM, 1.7 s on lavapipe, 48 s on SwiftShader and
 * 5 s in plain JavaScript (the next ones 0.06, 0.8, 23 and 5 s).
 */
const WITH_GPU = ["webgpu", "tfjs-webgpu", "tfjs-wasm", "tfjs-webgl", "tfjs-cpu"] as const;
const WITHOUT_GPU = ["tfjs-wasm", "tfjs-cpu"] as const;

async function hasGpu(): Promise<boolean> {
  const adapter = await findWebgpuAdapter().catch(() => null);
  return adapter !== null && !isSoftware(adapter);
}

/** The engine for denoising single images on this machine. Fails with `engine/unavailable`. */
export async function chooseInferenceEngine(): Promise<Engine> {
  const reasons: string[] = [];
  for (const name of (await hasGpu()) ? WITH_GPU : WITHOUT_GPU) {
    const engine = getEngine(name);
    const reason = await engine.unavailable();
    if (reason === null) return engine;
    reasons.push(reason);
  }
  throw new LabError(
    "engine/unavailable",
    `Nothing here can run a network: ${reasons.join(" ")}`,
    "Use a current Chrome, Edge, Firefox or Safari.",
  );
}
