import type { PatchRows } from "./patchRows";

/** Side of the square in which similar patches are sought, in positions. */
export const SEARCH = 39;
const REACH = (SEARCH - 1) / 2;

/** The patches most like a reference, nearest first; the reference itself is the first. */
export class Matches {
  readonly xs: Int32Array;
  readonly ys: Int32Array;
  count = 0;
  private readonly distances: Float64Array;

  constructor(most: number) {
    this.xs = new Int32Array(most);
    this.ys = new Int32Array(most);
    this.distances = new Float64Array(most);
  }

  /** Fills the list with patches whose mean squared difference to that at (x, y) is at most `limit`, cut to a power of two. */
  find(rows: PatchRows, x: number, y: number, limit: number): void {
    const { data, length } = rows;
    const most = this.xs.length;
    const reference = rows.offset(x, y);
    this.count = 0;
    this.insert(x, y, 0);
    let bound = limit * length;
    for (let otherY = Math.max(0, y - REACH); otherY <= Math.min(rows.rows - 1, y + REACH); otherY++)
      for (let otherX = Math.max(0, x - REACH); otherX <= Math.min(rows.columns - 1, x + REACH); otherX++) {
        if (otherX === x && otherY === y) continue;
        const distance = squaredDistance(data, reference, rows.offset(otherX, otherY), length, bound);
        if (distance > bound) continue;
        this.insert(otherX, otherY, distance);
        if (this.count === most) bound = Math.min(bound, this.distances[most - 1] as number);
      }
    this.count = 2 ** Math.floor(Math.log2(this.count));
  }

  /** Keeps the list sorted; the farthest falls out of a full one. */
  private insert(x: number, y: number, distance: number): void {
    const { xs, ys, distances } = this;
    if (this.count === xs.length && distance >= (distances[this.count - 1] as number)) return;
    let place = this.count < xs.length ? this.count++ : this.count - 1;
    for (; place > 0 && (distances[place - 1] as number) > distance; place--) {
      xs[place] = xs[place - 1] as number;
      ys[place] = ys[place - 1] as number;
      distances[place] = distances[place - 1] as number;
    }
    xs[place] = x;
    ys[place] = y;
    distances[place] = distance;
  }
}

/** Σ (a − b)², given up beyond `bound`. */
function squaredDistance(data: Float32Array, a: number, b: number, length: number, bound: number): number {
  let sum = 0;
  for (let start = 0; start < length && sum <= bound; start += 8) {
    const end = Math.min(start + 8, length);
    for (let i = start; i < end; i++) {
      const difference = (data[a + i] as number) - (data[b + i] as number);
      sum += difference * difference;
    }
  }
  return sum;
}
