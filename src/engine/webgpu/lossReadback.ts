import { type Holdings, LOSS_READBACK_BYTES } from "./permanents";

/** What a step tells: its loss, and whether the check before the last update found a gradient that overflowed. */
interface StepResult {
  readonly loss: number;
  readonly overflowed: boolean;
}

/** Reads back what a step tells, through a buffer that lives as long as the executor. */
export class LossReadback {
  private readonly holdings: Holdings;
  private readonly buffer: GPUBuffer;

  private constructor(holdings: Holdings, buffer: GPUBuffer) {
    this.holdings = holdings;
    this.buffer = buffer;
  }

  /** Throws as `DeviceMemory.allocate` does. */
  static async create(holdings: Holdings): Promise<LossReadback> {
    const [buffer] = await holdings.held.allocate([
      {
        label: "loss readback",
        bytes: LOSS_READBACK_BYTES,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      },
    ]);
    return new LossReadback(holdings, buffer as GPUBuffer);
  }

  /** Encodes the copy that `read` waits for. */
  copy(encoder: GPUCommandEncoder): void {
    const { loss, overflow } = this.holdings.permanents;
    encoder.copyBufferToBuffer(loss, 0, this.buffer, 0, 4);
    encoder.copyBufferToBuffer(overflow, 0, this.buffer, 4, 4);
  }

  /** Queues the copy by itself. */
  queue(): void {
    const { device } = this.holdings.lab;
    const encoder = device.createCommandEncoder({ label: "loss" });
    this.copy(encoder);
    device.queue.submit([encoder.finish()]);
  }

  /** What was copied last; waits for everything queued. */
  async read(): Promise<StepResult> {
    await this.buffer.mapAsync(GPUMapMode.READ);
    const bytes = this.buffer.getMappedRange(0, 8).slice(0);
    this.buffer.unmap();
    const [loss] = new Float32Array(bytes);
    return { loss: loss as number, overflowed: new Uint32Array(bytes)[1] !== 0 };
  }
}
