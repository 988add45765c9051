import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { Opened } from "../backend";
import type { Tf } from "../kernels";
import { outOfMemory } from "../outOfMemory";
import { heapModule } from "../wasm/heap";
import { registerWasmKernels, wasmKernels } from "../wasm/wasmKernels";
import { startThreaded } from "./wasmThreads";

type Package = typeof import("@tensorflow/tfjs-backend-wasm");

/** More threads than this gain nothing on images of the sizes trained here. */
const MAX_THREADS = 8;

/** The binaries come from the lab's own server. Node reads them beside the package. */
async function serveBinaries(module: Package): Promise<void> {
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

let prepared = false;

/** Once a thread: which binary, and the lab's kernels. */
async function prepare(tf: Tf, module: Package, threads: number): Promise<void> {
  if (prepared) return;
  prepared = true;
  // Without isolation the browser may still say that it has threads, but the threaded binary would not start.
  if (threads < 2) tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  if (threads > 1) {
    tf.removeBackend("wasm");
    tf.registerBackend("wasm", async () => new module.BackendWasm(await startThreaded()));
  } else if (!tf.env().getBool("IS_NODE")) await serveBinaries(module);
  registerWasmKernels(tf);
}

/**
 * Half the cores, which is what the binary takes, where the page is isolated and the processor has SIMD. Under two
 * threads the unthreaded binary is the better one: on both cores of a two-core machine a step took twice
 * the time of one thread as soon as anything else ran there (200 instead of 97 ms), the page's own drawing for one.
 */
async function threadsHere(tf: Tf, simd: boolean): Promise<number> {
  if (tf.env().getBool("IS_NODE") || !globalThis.crossOriginIsolated || !simd) return 1;
  if ((await tf.env().getAsync("WASM_HAS_MULTITHREAD_SUPPORT")) !== true) return 1;
  return Math.max(1, Math.min(Math.floor(navigator.hardwareConcurrency / 2), MAX_THREADS));
}

const HEAP_BYTES = 2 ** 32;

/**
 * A failed allocation returns address 0, which TensorFlow.js would take for memory, and a size beyond 32 bits would lose
 * its upper bits: both become an error here.
 */
function checkAllocations(backend: BackendWasm): void {
  const heap = heapModule(backend);
  // The first call replaces the function by the binary's own: only then does a replacement last.
  heap._free(heap._malloc(1));
  const allocate = heap._malloc;
  heap._malloc = (bytes: number): number => {
    const address = bytes < HEAP_BYTES ? allocate(bytes) : 0;
    if (address === 0 && bytes > 0)
      throw outOfMemory(`${bytes} bytes more than WebAssembly's 4 GiB can hold`);
    return address;
  };
}

/** WebAssembly with SIMD, and with threads where the page is cross-origin isolated. */
export async function openWasm(tf: Tf): Promise<Opened> {
  const module = await import("@tensorflow/tfjs-backend-wasm");
  const simd = (await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT")) === true;
  const threads = await threadsHere(tf, simd);
  await prepare(tf, module, threads);
  if (!(await tf.setBackend("wasm"))) throw new Error("the WebAssembly binary did not start");
  checkAllocations(tf.backend() as BackendWasm);
  return {
    adapter: null,
    features: [...(simd ? ["simd"] : []), ...(threads > 1 ? ["threads"] : [])],
    limits: { threads: threads > 1 ? module.getThreadsCount() : 1 },
    failure: () => null,
    close: () => undefined,
    kernels: wasmKernels,
    lastMaximum: false,
  };
}
