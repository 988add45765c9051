/**
 * Live GPU buffer bytes by contender, for all libraries alike: `createBuffer` and `destroy` are wrapped. A buffer belongs to
 * the contender that `during` named when it was made; one that is dropped without `destroy` counts as live, as it is until
 * the garbage collector finds it. Textures and what drivers add are not counted.
 */
export class DeviceBytes {
  private readonly live = new Map<string, number>();
  private readonly peak = new Map<string, number>();
  private owner = "";

  /** Wraps the prototypes of this thread's WebGPU. Call once, before a device is made. */
  install(): void {
    const owners = new WeakMap<GPUBuffer, string>();
    const count = (owner: string, bytes: number): void => {
      const now = (this.live.get(owner) ?? 0) + bytes;
      this.live.set(owner, now);
      this.peak.set(owner, Math.max(this.peak.get(owner) ?? 0, now));
    };
    const ownerNow = (): string => this.owner;
    const { createBuffer } = GPUDevice.prototype;
    const { destroy } = GPUBuffer.prototype;
    GPUDevice.prototype.createBuffer = function (descriptor) {
      const buffer = createBuffer.call(this, descriptor);
      owners.set(buffer, ownerNow());
      count(ownerNow(), buffer.size);
      return buffer;
    };
    GPUBuffer.prototype.destroy = function () {
      const owner = owners.get(this);
      // Destroying twice is allowed, and frees once.
      if (owner !== undefined && owners.delete(this)) count(owner, -this.size);
      return destroy.call(this);
    };
  }

  /** Buffers made while `work` runs belong to `owner`. Calls must not overlap. */
  async during<T>(owner: string, work: () => Promise<T>): Promise<T> {
    this.owner = owner;
    try {
      return await work();
    } finally {
      this.owner = "";
    }
  }

  /** Highest live bytes of `owner` so far. */
  peakOf(owner: string): number {
    return this.peak.get(owner) ?? 0;
  }
}
