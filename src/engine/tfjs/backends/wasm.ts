import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { Opened } from "../backend";
import type { Tf } from "../kernels";
import { outOfMemory } from "../outOfMemory";
import { heapModule } from "../wasm/heap";
import { registerWasmKernels, wasmKernels } from "../wasm/wasmKernels";

/** More threads than this gain nothing on images of the sizes trained here. */
const MAX_THREADS = 8;

let registered = false;

/** The binaries come from the lab's own server; Node reads them beside the package. */
async function serveBinaries(module: typeof import("@tensorflow/tfjs-backend-wasm")): Promise<void> {
  const [plain, simd, threaded] = await Promise.all([
    import("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url"),
    import("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url"),
    import("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url"),
  ]);
  module.setWasmPaths({
    "tfjs-backend-wasm.wasm": plain.default,
    "tfjs-backend-wasm-simd.wasm": simd.default,
    "tfjs-backend-wasm-threaded-simd.wasm": threaded.default,
  });
}

/**
 * A failed allocation returns address 0, which TensorFlow.js would take for memory: it becomes an error here. The heap
 * ends at 4 GiB.
 */
function checkAllocations(backend: BackendWasm): void {
  const heap = heapModule(backend);
  const allocate = heap._malloc;
  heap._malloc = (bytes: number): number => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) throw outOfMemory(`no ${bytes} bytes left in WebAssembly's 4 GiB`);
    return address;
  };
}

/** WebAssembly with SIMD, and with threads where the page is cross-origin isolated. */
export async function openWasm(tf: Tf): Promise<Opened> {
  const module = await import("@tensorflow/tfjs-backend-wasm");
  const inBrowser = typeof navigator !== "undefined" && !tf.env().getBool("IS_NODE");
  const cores = inBrowser ? navigator.hardwareConcurrency : 1;
  const threaded =
    inBrowser &&
    globalThis.crossOriginIsolated &&
    cores > 1 &&
    (await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT")) === true;
  // Without isolation the flag can still be true, and the threaded binary would fail to start.
  if (inBrowser) tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threaded);
  if (!registered) {
    if (inBrowser) await serveBinaries(module);
    if (threaded) module.setThreadsCount(Math.min(cores, MAX_THREADS));
    registerWasmKernels(tf);
    registered = true;
  }
  if (!(await tf.setBackend("wasm"))) throw new Error("the WebAssembly binary did not start");
  checkAllocations(tf.backend() as BackendWasm);
  const simd = (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) === true;
  return {
    adapter: null,
    features: [...(simd ? ["simd"] : []), ...(threaded ? ["threads"] : [])],
    limits: { threads: threaded ? module.getThreadsCount() : 1 },
    failure: () => null,
    close: () => undefined,
    kernels: wasmKernels,
    lastMaximum: false,
  };
}
