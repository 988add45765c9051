import { LabError } from "@/contracts/failure";
import type { Engine, Executor, ExecutorOptions } from "@/engine/executor";
import { findWebglRenderer, findWebgpuAdapter } from "../adapter";
import { acquireBackend, type BackendName, releaseBackend } from "./backend";
import { TfjsExecutor } from "./executor";

/** Why a backend cannot run here, found without loading a byte of TensorFlow.js; null when it may. */
const UNAVAILABLE: Readonly<Record<BackendName, () => Promise<string | null>>> = {
  webgpu: async () =>
    (await findWebgpuAdapter()) ? null : "This browser has no WebGPU, or no graphics adapter for it.",
  webgl: async () =>
    findWebglRenderer() ? null : "This browser has no WebGL 2 that renders to 32-bit floats.",
  wasm: async () => (typeof WebAssembly === "undefined" ? "This browser has no WebAssembly." : null),
  cpu: async () => null,
};

/** The engine `tfjs-<backend>`. TensorFlow.js itself is loaded when an executor is created. */
export function tfjsEngine(backendName: BackendName): Engine {
  return {
    name: `tfjs-${backendName}`,
    unavailable: UNAVAILABLE[backendName],
    create: async (options: ExecutorOptions): Promise<Executor> => {
      if (options.precision === "mixed")
        throw new LabError(
          "engine/precision",
          `tfjs-${backendName} computes in 32-bit floats only.`,
          "Choose the webgpu engine for mixed precision, or precision f32.",
        );
      const backend = await acquireBackend(backendName);
      try {
        return new TfjsExecutor(backend, options);
      } catch (error) {
        releaseBackend(backend);
        throw error;
      }
    },
  };
}
