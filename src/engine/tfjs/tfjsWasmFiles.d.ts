// What the package ships beside its typed entry.
declare module "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.worker.js" {
  const contents: { readonly wasmWorkerContents: string };
  export default contents;
}
