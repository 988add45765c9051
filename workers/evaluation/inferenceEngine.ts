import { LabError } from "@/contracts/failure";
import type { Engine } from "@/engine/executor";
import { getEngine } from "@/engine/registry";

/** One image at a time: what starts and runs fastest first. WebGPU leads only with a real GPU behind it. */
const WITH_GPU = ["tfjs-webgpu", "tfjs-wasm", "tfjs-webgl", "tfjs-cpu"] as const;
const WITHOUT_GPU = ["tfjs-wasm", "tfjs-cpu"] as const;

/** Drivers that run on the CPU without calling themselves a fallback, such as Mesa's. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader/i;

async function hasGpu(): Promise<boolean> {
  // Absent outside secure contexts, whatever the types say.
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (!adapter) return false;
  return !adapter.info.isFallbackAdapter && !SOFTWARE.test(words(adapter.info));
}

const words = (info: GPUAdapterInfo): string =>
  `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;

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
