import { LabError } from "@/contracts/failure";
import { findWebglRenderer, findWebgpuAdapter, isSoftware } from "@/engine/adapter";
import type { BackendName } from "@/engine/tfjs/backend";

/** Where LPIPS runs fastest here: a real GPU through WebGPU, else WebGL, else WebAssembly. Fails with `engine/unavailable`. */
export async function chooseLpipsBackend(): Promise<BackendName> {
  const adapter = await findWebgpuAdapter().catch(() => null);
  if (adapter && !isSoftware(adapter)) return "webgpu";
  const renderer = findWebglRenderer();
  if (renderer && !isSoftware(renderer)) return "webgl";
  if (typeof WebAssembly !== "undefined") return "wasm";
  throw new LabError(
    "engine/unavailable",
    "LPIPS needs WebGPU, WebGL 2 or WebAssembly, and this browser has none of them.",
    "Use a current Chrome, Edge, Firefox or Safari.",
  );
}
