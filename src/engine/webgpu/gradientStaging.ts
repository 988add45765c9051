import type { FlatPiece } from "@/engine/executor";
import type { Holdings } from "./permanents";
import type { Program } from "./program";

/** Reads gradients in pieces while the device works on the others; its buffers are made once, as all steps ask for the same pieces. */
export class GradientStaging {
  private readonly holdings: Holdings;
  private pieces: readonly FlatPiece[] = [];
  /** One a piece. */
  private buffers: readonly GPUBuffer[] = [];

  constructor(holdings: Holdings) {
    this.holdings = holdings;
  }

  /** Makes buffers for these pieces. Throws as `DeviceMemory.allocate` does. */
  async prepare(pieces: readonly FlatPiece[]): Promise<void> {
    if (JSON.stringify(pieces) === JSON.stringify(this.pieces)) return;
    const { held } = this.holdings;
    for (const buffer of this.buffers) held.free(buffer);
    this.pieces = [];
    this.buffers = [];
    this.buffers = await held.allocate(
      pieces.map(({ length }, index) => ({
        label: `gradients ${index} readback`,
        bytes: 4 * length,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      })),
    );
    this.pieces = pieces;
  }

  /** Queues a backward pass, and each piece's copy as soon as nothing later in it writes there. */
  submit(program: Program): void {
    const { gradients } = this.holdings.permanents;
    const ranges = this.pieces.map(({ offset, length }) => ({ offset: 4 * offset, bytes: 4 * length }));
    program.submitStreaming(ranges, (encoder, piece) => {
      const { offset, bytes } = ranges[piece] as (typeof ranges)[number];
      encoder.copyBufferToBuffer(gradients, offset, this.buffers[piece] as GPUBuffer, 0, bytes);
    });
  }

  /** Waits for a piece's copy and writes it to its place, divided by `scale`. */
  async read(piece: number, scale: number, into: Float32Array): Promise<void> {
    const { offset, length } = this.pieces[piece] as FlatPiece;
    const buffer = this.buffers[piece] as GPUBuffer;
    await buffer.mapAsync(GPUMapMode.READ, 0, 4 * length);
    const values = new Float32Array(buffer.getMappedRange(0, 4 * length));
    if (scale === 1) into.set(values, offset);
    else for (let i = 0; i < length; i++) into[offset + i] = (values[i] as number) / scale;
    buffer.unmap();
  }
}
