import { heapModule, type WasmBackend } from "../wasm/heap";

const PACKAGE_ERROR = "the threaded WebAssembly binary did not start";

/**
 * Starts the threaded binary, in place of the package's own start: that one hands its threads the source of a function
 * by `toString()`, which refers to a name that a minifier changes. Here the threads load the unbundled script from the
 * lab's server.
 */
export async function startThreaded(): Promise<WasmBackend["wasm"]> {
  const [factory, worker, script, binary] = await Promise.all([
    import("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js"),
    import("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js"),
    import("@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js?url"),
    import("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url"),
  ]);
  // The package keeps the script in a template literal, which turned the `\n` in its strings into line breaks.
  const contents = worker.default.wasmWorkerContents.replaceAll("\n", "\\n");
  const workerUrl = URL.createObjectURL(new Blob([contents], { type: "text/javascript" }));
  try {
    const module = await new Promise<WasmBackend["wasm"]>((resolve, reject) => {
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
    const { cwrap } = heapModule({ wasm: module });
    module.tfjs = {
      init: cwrap("init", null, []),
      initWithThreadsCount: cwrap("init_with_threads_count", null, ["number"]),
      getThreadsCount: cwrap("get_threads_count", "number", []) as () => number,
      registerTensor: cwrap("register_tensor", null, ["number", "number", "number"]),
      disposeData: cwrap("dispose_data", null, ["number"]),
      dispose: cwrap("dispose", null, []),
    };
    return module;
  } finally {
    URL.revokeObjectURL(workerUrl);
  }
}
