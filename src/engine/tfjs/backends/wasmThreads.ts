import { heapModule, type WasmBackend } from "../wasm/heap";

const PACKAGE_ERROR = "the threaded WebAssembly binary did not start";

/**
 * Starts the threaded binary, in place of the package's own start: that one hands its threads the source of a function
 * by `toString()`, which refers to a name that a minifier changes. Here the threads load the unbundled script from the
 * lab's server.
 *
 * Takes `threads` threads. The binary takes half of what `navigator.hardwareConcurrency` says at most, which would leave a
 * two-core machine with one thread and convolutions at half their speed (measured), so it is shown twice as many while it
 * starts.
 */
export async function startThreaded(threads: number): Promise<WasmBackend["wasm"]> {
  const [factory, worker, script, binary] = await Promise.all([
    import("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js"),
    import("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js"),
    import("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js?url"),
    import("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url"),
  ]);
  // The package keeps the script in a template literal, which turned the `\n` in its strings into line breaks.
  const contents = worker.default.wasmWorkerContents.replaceAll("\n", "\\n");
  const workerUrl = URL.createObjectURL(new Blob([contents], { type: "text/javascript" }));
  Object.defineProperty(navigator, "hardwareConcurrency", { value: 2 * threads, configurable: true });
  try {
    const start = new Promise<WasmBackend["wasm"]>((resolve, reject) => {
      factory
        .default({
          // Absolute: a blob worker has no base address.
          mainScriptUrlOrBlob: new URL(script.default, self.location.href).href,
          locateFile: (path) =>
            path.endsWith(".worker.js") ? workerUrl : new URL(binary.default, self.location.href).href,
          onAbort: (message) => reject(new Error(`${PACKAGE_ERROR}: ${message}`)),
        })
        .then(resolve, reject);
    });
    const module = await start;
    const { cwrap } = heapModule({ wasm: module });
    module.tfjs = {
      init: cwrap("init", null, []),
      initWithThreadsCount: cwrap("init_with_threads_count", null, ["number"]),
      getThreadsCount: cwrap("get_threads_count", "number", []) as () => number,
      registerTensor: cwrap("register_tensor", null, ["number", "number", "number"]),
      disposeData: cwrap("dispose_data", null, ["number"]),
      dispose: cwrap("dispose", null, []),
    };
    const initialise = module.tfjs.initWithThreadsCount;
    module.tfjs.initWithThreadsCount = () => initialise(threads);
    return module;
  } finally {
    URL.revokeObjectURL(workerUrl);
    Reflect.deleteProperty(navigator, "hardwareConcurrency");
  }
}
