import type { LabDevice } from "./device";
import type { SubgroupMatrix } from "./kernels/kernel";
import { MATRIX_FEATURE } from "./matrixProbe";

/** Keeps them referenced: collected, they take the process down. */
const instances: GPU[] = [];

/**
 * A device of Dawn's null backend, for tests: it checks shaders and pipelines as Chrome does and computes nothing. It has
 * `chromium-experimental-subgroup-matrix` on every machine, without a list of units, so that any unit compiles. A string
 * says why there is none. Keep it out of test files that compute: the package's globals are the same.
 */
export async function nullDevice(subgroupMatrices: readonly SubgroupMatrix[]): Promise<LabDevice | string> {
  try {
    const { create, globals } = await import("webgpu");
    Object.assign(globalThis, globals);
    const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
    instances.push(gpu);
    const adapter = await gpu.requestAdapter();
    if (!adapter) return "Dawn's null backend has no adapter.";
    if (!adapter.features.has(MATRIX_FEATURE)) return `Dawn's null backend has no ${MATRIX_FEATURE}.`;
    const features = [MATRIX_FEATURE, "subgroups", "shader-f16"] as GPUFeatureName[];
    const device = await adapter.requestDevice({ requiredFeatures: features });
    const { maxStorageBuffersPerShaderStage } = device.limits;
    return {
      device,
      adapter: { vendor: "", architecture: "", device: "null", description: "", isFallbackAdapter: false },
      features,
      limits: { maxStorageBuffersPerShaderStage },
      target: {
        software: false,
        subgroupSize: null,
        shaderF16: true,
        subgroupMatrices,
        tuning: new Map(),
        maxInvocationsPerWorkgroup: device.limits.maxComputeInvocationsPerWorkgroup,
        maxWorkgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
        maxWorkgroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
      },
      matrices: [],
      pipelines: new Map(),
      slicedTexts: new Set(),
      gflops: 1000,
      constants: new Map(),
      lost: null,
      problem: null,
    };
  } catch (error) {
    return `Node's WebGPU does not load: ${error instanceof Error ? error.message : String(error)}`;
  }
}
