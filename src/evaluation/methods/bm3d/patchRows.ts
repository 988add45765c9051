import type { Picture } from "../method";
import { type PatchTransform, transformPatch } from "./transforms";

/**
 * The patches at every position of a picture as vectors of side² values, for the rows around the one at work only: a
 * picture of 1024² would need gigabytes at once.
 */
export class PatchRows {
  readonly rows: number;
  readonly columns: number;
  readonly length: number;
  readonly data: Float32Array;
  private readonly picture: Picture;
  private readonly kept: number;
  private readonly transform: PatchTransform | null;
  private readonly threshold: number;
  private readonly scratch: Float64Array;
  private readonly side: number;
  private done = 0;

  /** Coefficients below `threshold` in size are zero. Without a transform the vectors are the pixels. */
  constructor(
    picture: Picture,
    options: {
      readonly side: number;
      readonly kept: number;
      readonly transform: PatchTransform | null;
      readonly threshold: number;
    },
  ) {
    this.picture = picture;
    this.side = options.side;
    this.transform = options.transform;
    this.threshold = options.threshold;
    this.rows = picture.height - this.side + 1;
    this.columns = picture.width - this.side + 1;
    this.kept = Math.min(options.kept, this.rows);
    this.length = this.side * this.side;
    this.data = new Float32Array(this.kept * this.columns * this.length);
    this.scratch = new Float64Array(this.length);
  }

  /** Computes the rows up to `last`; only the latest `kept` stay. */
  ensure(last: number): void {
    for (; this.done <= Math.min(last, this.rows - 1); this.done++)
      for (let x = 0; x < this.columns; x++) this.compute(x, this.done);
  }

  /** Where the vector of the patch at (x, y) begins in `data`. */
  offset(x: number, y: number): number {
    return ((y % this.kept) * this.columns + x) * this.length;
  }

  private compute(x: number, y: number): void {
    const { side, transform, threshold, data, length } = this;
    const { data: pixels, width } = this.picture;
    const from = y * width + x;
    const to = this.offset(x, y);
    if (transform) transformPatch(side, transform.forward, pixels, from, width, data, to, this.scratch);
    else
      for (let row = 0; row < side; row++)
        data.set(pixels.subarray(from + row * width, from + row * width + side), to + row * side);
    if (threshold > 0)
      for (let i = to; i < to + length; i++) if (Math.abs(data[i] as number) < threshold) data[i] = 0;
  }
}
