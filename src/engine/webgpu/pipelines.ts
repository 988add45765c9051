import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import { deviceLost, lossOf } from "./deviceLoss";
import type { Access, Kernel } from "./kernels/kernel";

const BUFFER_TYPE: Readonly<Record<Access, GPUBufferBindingType>> = {
  read: "read-only-storage",
  readWrite: "storage",
  uniform: "uniform",
};

/** The kernel's pipeline, compiled once for equal texts. Throws `engine/kernel` with the kernel's label, and `engine/device-lost`. */
export function pipelineOf(lab: LabDevice, kernel: Kernel): Promise<GPUComputePipeline> {
  const known = lab.pipelines.get(kernel.wgsl);
  if (known !== undefined) return known;
  const compiled = compile(lab, kernel);
  lab.pipelines.set(kernel.wgsl, compiled);
  compiled.catch(() => lab.pipelines.delete(kernel.wgsl));
  return compiled;
}

async function compile(
  lab: LabDevice,
  { label, wgsl, bindings, constants, sliced }: Kernel,
): Promise<GPUComputePipeline> {
  const { device, limits } = lab;
  const storage = bindings.filter(({ access }) => access !== "uniform").length;
  const allowed = limits["maxStorageBuffersPerShaderStage"] ?? 0;
  if (storage > allowed)
    throw new LabError(
      "engine/limits",
      `${label} reads and writes ${storage} buffers, this device allows ${allowed}.`,
      "Choose the U-Net, or another engine.",
    );
  device.pushErrorScope("validation");
  const layout = device.createBindGroupLayout({
    label,
    entries: [
      ...bindings.map(({ access }) => access),
      ...(constants ? ["uniform" as const] : []),
      ...(sliced ? ["uniform" as const] : []),
    ].map((access, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: BUFFER_TYPE[access] },
    })),
  });
  const module = device.createShaderModule({ label, code: wgsl });
  const pipeline = device.createComputePipelineAsync({
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main" },
  });
  // A lost device answers no question about its errors.
  const invalid = device.popErrorScope().catch(() => null);
  try {
    return await pipeline;
  } catch (error) {
    const lost = await lossOf(lab);
    if (lost !== null) throw deviceLost(lost);
    const reason = (await invalid)?.message ?? (error instanceof Error ? error.message : String(error));
    throw new LabError(
      "engine/kernel",
      `The kernel ${label} does not compile on this device: ${reason}`,
      "Choose another engine and report this message.",
      { cause: error },
    );
  } finally {
    await invalid;
  }
}

/** Entries behind a kernel's bindings: its constants, and the first workgroup of a slice. */
export function constantsEntries(
  lab: LabDevice,
  { bindings, constants }: Kernel,
  first?: Uint32Array<ArrayBuffer>,
): GPUBindGroupEntry[] {
  return [constants, first]
    .filter((numbers) => numbers !== undefined)
    .map((numbers, index) => ({
      binding: bindings.length + index,
      resource: { buffer: constantsBuffer(lab, numbers) },
    }));
}

/** One small buffer for equal numbers, held with the device. */
function constantsBuffer(
  { device, constants: held }: LabDevice,
  numbers: Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): GPUBuffer {
  const key = numbers.join();
  const known = held.get(key);
  if (known !== undefined) return known;
  const buffer = device.createBuffer({
    label: "constants",
    size: numbers.byteLength,
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, numbers);
  held.set(key, buffer);
  return buffer;
}
