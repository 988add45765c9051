import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import { deviceLost, lossOf } from "./deviceLoss";

/** Owner of an executor's buffers: makes them under error scopes, counts their bytes, and frees what is left. */
export class DeviceMemory {
  private readonly lab: LabDevice;
  private readonly live = new Set<GPUBuffer>();
  private liveBytes = 0;
  private highestBytes = 0;

  constructor(lab: LabDevice) {
    this.lab = lab;
  }

  get bytes(): number {
    return this.liveBytes;
  }

  get peakBytes(): number {
    return this.highestBytes;
  }

  get buffers(): number {
    return this.live.size;
  }

  /**
   * Buffers of these sizes in bytes, all or none. Throws `engine/out-of-memory` (also for a buffer over the device's limit; what a kernel binds may have a lower one)
   * and `engine/device-lost`.
   */
  async allocate(
    requests: readonly {
      readonly label: string;
      readonly bytes: number;
      readonly usage: GPUBufferUsageFlags;
    }[],
  ): Promise<GPUBuffer[]> {
    const { device } = this.lab;
    if (this.lab.lost !== null) throw deviceLost(this.lab.lost);
    const limit = device.limits.maxBufferSize;
    for (const { label, bytes } of requests)
      if (bytes > limit)
        throw outOfMemory(`${label} needs ${bytes} bytes, a buffer of this device has at most ${limit}`);
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    const made = requests.map(({ label, bytes, usage }) =>
      device.createBuffer({ label, size: bufferBytes(bytes), usage }),
    );
    const scopes = await Promise.all([device.popErrorScope(), device.popErrorScope()]).catch(
      async (error: unknown) => {
        // A lost device answers no question about its errors.
        throw deviceLost((await lossOf(this.lab)) ?? String(error));
      },
    );
    const failure = scopes[0] ?? scopes[1];
    if (failure) {
      for (const buffer of made) buffer.destroy();
      throw outOfMemory(failure.message);
    }
    for (const buffer of made) {
      this.live.add(buffer);
      this.liveBytes += buffer.size;
    }
    this.highestBytes = Math.max(this.highestBytes, this.liveBytes);
    return made;
  }

  free(buffer: GPUBuffer): void {
    if (!this.live.delete(buffer)) return;
    this.liveBytes -= buffer.size;
    buffer.destroy();
  }

  freeAll(): void {
    for (const buffer of [...this.live]) this.free(buffer);
  }
}

/** The size of a buffer that holds `bytes`: bindings of `vec4f` end at multiples of 16. */
export function bufferBytes(bytes: number): number {
  return Math.max(16, Math.ceil(bytes / 16) * 16);
}

/** Bytes of the largest buffer that a kernel can read whole. */
export function largestBinding({ limits }: LabDevice): number {
  const { maxStorageBufferBindingSize = 0, maxBufferSize = 0 } = limits;
  return Math.min(maxStorageBufferBindingSize, maxBufferSize);
}

export function outOfMemory(detail: string): LabError {
  return new LabError(
    "engine/out-of-memory",
    `The device has too little memory for this network, size and batch (${detail}).`,
    "Choose a smaller batch, size or width.",
  );
}
