import type { DeviceMemory } from "./memory";

/** The first `floats` numbers of a buffer, through a buffer of `held`. Throws `engine/out-of-memory`. */
export async function readFloats(
  device: GPUDevice,
  held: DeviceMemory,
  buffer: GPUBuffer,
  floats: number,
): Promise<Float32Array<ArrayBuffer>> {
  const bytes = 4 * floats;
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const [staging] = await held.allocate([{ label: "readback", bytes, usage }]);
  if (!staging) return new Float32Array();
  try {
    const encoder = device.createCommandEncoder({ label: "readback" });
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ, 0, bytes);
    return new Float32Array(staging.getMappedRange(0, bytes).slice(0));
  } finally {
    held.free(staging);
  }
}
