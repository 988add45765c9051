import type { FlatPiece } from "@/engine/executor";
import type { DeviceMemory } from "./memory";

/** Buffers that pieces of the gradients are copied to and read from; made once, as all steps ask for the same pieces. */
export class GradientStaging {
  private readonly held: DeviceMemory;
  private pieces = "";
  private buffers: readonly GPUBuffer[] = [];

  constructor(held: DeviceMemory) {
    this.held = held;
  }

  /** One buffer a piece. Throws as `DeviceMemory.allocate` does. */
  async of(pieces: readonly FlatPiece[]): Promise<readonly GPUBuffer[]> {
    const wanted = JSON.stringify(pieces);
    if (wanted === this.pieces) return this.buffers;
    for (const buffer of this.buffers) this.held.free(buffer);
    this.pieces = "";
    this.buffers = await this.held.allocate(
      pieces.map(({ length }, index) => ({
        label: `gradients ${index} readback`,
        bytes: 4 * length,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      })),
    );
    this.pieces = wanted;
    return this.buffers;
  }
}

/** Waits for the copy and writes it to its place, divided by `scale`. */
export async function readPiece(
  buffer: GPUBuffer,
  { offset, length }: FlatPiece,
  scale: number,
  into: Float32Array,
): Promise<void> {
  await buffer.mapAsync(GPUMapMode.READ, 0, 4 * length);
  const values = new Float32Array(buffer.getMappedRange(0, 4 * length));
  if (scale === 1) into.set(values, offset);
  else for (let i = 0; i < length; i++) into[offset + i] = (values[i] as number) / scale;
  buffer.unmap();
}
