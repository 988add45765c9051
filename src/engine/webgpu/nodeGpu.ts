/**
 * WebGPU in Node for tests and benchmarks: the `webgpu` package (Dawn). `LAB_NODE_GPU_ENV`, a JSON object, is added to the
 * environment first: that is how a software Vulkan driver is brought in.
 */

/** Null when an adapter is there, else why not. Safe to call again. */
export async function setUpNodeGpu(): Promise<string | null> {
  if (globalThis.navigator?.gpu) return null;
  Object.assign(process.env, JSON.parse(process.env["LAB_NODE_GPU_ENV"] ?? "{}"));
  try {
    const { create, globals } = await import("webgpu");
    // Dawn holds 16-bit floats back on NVIDIA cards because of faults with formats that the lab does not use.
    const gpu = create(["enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia"]);
    Object.assign(globalThis, globals);
    copySharedMemory();
    // Also keeps the object referenced: collected, it takes the process down.
    Object.defineProperty(globalThis, "navigator", {
      value: { ...globalThis.navigator, gpu },
      configurable: true,
    });
    if (await gpu.requestAdapter()) return null;
    return "Node's WebGPU finds no adapter (no Vulkan driver; LAB_NODE_GPU_ENV names one).";
  } catch (error) {
    return `Node's WebGPU does not load: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The package takes the process down when it is given shared memory (0.6.2), which browsers take: it gets copies. */
function copySharedMemory(): void {
  const { prototype } = GPUQueue;
  const plain: (this: GPUQueue, ...args: Parameters<GPUQueue["writeBuffer"]>) => undefined =
    prototype.writeBuffer;
  prototype.writeBuffer = function (buffer, offset, data, ...part) {
    const isShared = data instanceof Float32Array && data.buffer instanceof SharedArrayBuffer;
    return plain.call(
      this,
      buffer,
      offset,
      (isShared ? data.slice() : data) as typeof data & BufferSource,
      ...part,
    );
  };
}
