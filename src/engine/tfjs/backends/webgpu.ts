import { LabError } from "@/contracts/failure";
import { describeAdapter, requestAdapter } from "@/engine/adapter";
import type { Opened } from "../backend";
import type { Tf } from "../kernels";
import { outOfMemory } from "../outOfMemory";

/** Limits that TensorFlow.js' kernels may use beyond WebGPU's defaults. */
const WANTED_LIMITS = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/** A numeric copy of a limits object, whose properties live on its prototype. */
function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const out: Record<string, number> = {};
  for (const name in limits) {
    const value: unknown = Reflect.get(limits, name);
    if (typeof value === "number") out[name] = value;
  }
  return out;
}

/** Opens the adapter and device itself, so that a lost device and an allocation that failed are noticed. */
export async function openWebgpu(tf: Tf): Promise<Opened> {
  const adapter = await requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter");
  const device = await adapter.requestDevice({
    label: "tfjs",
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  let failure: LabError | null = null;
  void device.lost.then(({ message }) => {
    failure = new LabError(
      "engine/device-lost",
      `The graphics device was lost${message ? `: ${message}` : "."}`,
      "Resume the run from its last checkpoint; choose a smaller batch or another engine if it happens again.",
    );
  });
  device.addEventListener("uncapturederror", ({ error }) => {
    failure ??=
      error instanceof GPUOutOfMemoryError
        ? outOfMemory(error.message)
        : new LabError(
            "engine/device-error",
            `The graphics device refused a command: ${error.message}`,
            "Choose another engine.",
          );
  });
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  if (tf.findBackendFactory("webgpu")) tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => new WebGPUBackend(device, adapter.info));
  await tf.setBackend("webgpu");
  return {
    adapter: describeAdapter(adapter.info),
    features: [...adapter.features],
    limits: limitsOf(device.limits),
    failure: () => failure,
    close: () => device.destroy(),
    lastMaximum: true,
  };
}
