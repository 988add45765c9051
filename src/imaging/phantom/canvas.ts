import type { Anatomy } from "./anatomy";

/** Maps body coordinates to pixels and back; rows stay rows, so that what depends on y alone is computed once a row. */
export class View {
  readonly size: number;
  private readonly anatomy: Anatomy;

  constructor(size: number, anatomy: Anatomy) {
    this.size = size;
    this.anatomy = anatomy;
  }

  /** Pixels per body length. */
  get scale(): number {
    return this.size * this.anatomy.zoom;
  }

  /** Body y of the centre of a pixel row. */
  bodyY(row: number): number {
    return 0.5 + ((row + 0.5) / this.size - 0.5 - this.anatomy.shiftY) / this.anatomy.zoom;
  }

  /** Body x of the centre of column 0 in a row of body height y; columns are 1/scale apart. */
  bodyX0(y: number): number {
    return (0.5 / this.size - 0.5 - this.anatomy.shiftX) / this.anatomy.zoom - this.anatomy.tilt * (y - 0.5);
  }

  pixelX(x: number, y: number): number {
    const { zoom, tilt, shiftX } = this.anatomy;
    return ((x + tilt * (y - 0.5)) * zoom + 0.5 + shiftX) * this.size - 0.5;
  }

  pixelY(y: number): number {
    const { zoom, shiftY } = this.anatomy;
    return ((y - 0.5) * zoom + 0.5 + shiftY) * this.size - 0.5;
  }
}

/** A point of a stroke: body position, half-width, and attenuation at the middle. */
export interface StrokePoint {
  readonly x: number;
  readonly y: number;
  readonly halfWidth: number;
  readonly amount: number;
}

export type StrokeProfile = "tube" | "bone";

/** Share of a bone that is marrow: a thin cortex shows as two bright lines. */
const MARROW_RADIUS = 0.74;
const MARROW_LOSS = 0.62;
const MARROW_SHARE = MARROW_LOSS * MARROW_RADIUS * MARROW_RADIUS;
/** Half-width in pixels below which a stroke is widened and thinned instead: nothing aliases. */
const FINEST_PIXELS = 0.9;

/** Draws tubes as X-rays see them: the chord of the tube, added to a map of attenuation. */
export class StrokePainter {
  private readonly view: View;
  /** Distance from the axis / half-width of the nearest segment, 1 outside; reset after each stroke. */
  private readonly nearest: Float32Array;
  private readonly amount: Float32Array;
  private readonly marrow: Float32Array;

  constructor(view: View) {
    this.view = view;
    const pixels = view.size * view.size;
    this.nearest = new Float32Array(pixels).fill(1);
    this.amount = new Float32Array(pixels);
    this.marrow = new Float32Array(pixels);
  }

  /** Adds one stroke to `map` [size, size]; its own windings do not add up. */
  paint(map: Float32Array, points: readonly StrokePoint[], profile: StrokeProfile): void {
    const { size } = this.view;
    let left = size;
    let right = -1;
    let top = size;
    let bottom = -1;
    for (let i = 1; i < points.length; i++) {
      const box = this.segment(points[i - 1] as StrokePoint, points[i] as StrokePoint, profile);
      left = Math.min(left, box.left);
      right = Math.max(right, box.right);
      top = Math.min(top, box.top);
      bottom = Math.max(bottom, box.bottom);
    }
    for (let row = top; row <= bottom; row++)
      for (let i = row * size + left; i <= row * size + right; i++) {
        const q = this.nearest[i] as number;
        if (q >= 1) continue;
        this.nearest[i] = 1;
        const marrow = this.marrow[i] as number;
        const inner = MARROW_RADIUS * MARROW_RADIUS - q * q;
        const chord =
          Math.sqrt(1 - q * q) * (1 - MARROW_SHARE * (1 - marrow) * (profile === "bone" ? 1 : 0)) -
          (marrow > 0 && inner > 0 ? marrow * MARROW_LOSS * Math.sqrt(inner) : 0);
        map[i] = (map[i] as number) + (this.amount[i] as number) * chord;
      }
  }

  private segment(
    a: StrokePoint,
    b: StrokePoint,
    profile: StrokeProfile,
  ): { left: number; right: number; top: number; bottom: number } {
    const { size, scale } = this.view;
    const ax = this.view.pixelX(a.x, a.y);
    const ay = this.view.pixelY(a.y);
    const dx = this.view.pixelX(b.x, b.y) - ax;
    const dy = this.view.pixelY(b.y) - ay;
    const trueA = a.halfWidth * scale;
    const trueB = b.halfWidth * scale;
    const widthA = Math.max(trueA, FINEST_PIXELS);
    const widthB = Math.max(trueB, FINEST_PIXELS);
    const amountA = (a.amount * trueA) / widthA;
    const amountB = (b.amount * trueB) / widthB;
    const reach = Math.max(widthA, widthB);
    const left = Math.max(Math.ceil(Math.min(ax, ax + dx) - reach), 0);
    const right = Math.min(Math.floor(Math.max(ax, ax + dx) + reach), size - 1);
    const top = Math.max(Math.ceil(Math.min(ay, ay + dy) - reach), 0);
    const bottom = Math.min(Math.floor(Math.max(ay, ay + dy) + reach), size - 1);
    const length2 = dx * dx + dy * dy;
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++) {
        const px = column - ax;
        const py = row - ay;
        const along = length2 > 0 ? Math.min(Math.max((px * dx + py * dy) / length2, 0), 1) : 0;
        const ex = px - along * dx;
        const ey = py - along * dy;
        const width = widthA + (widthB - widthA) * along;
        const distance2 = ex * ex + ey * ey;
        if (distance2 >= width * width) continue;
        const q = Math.sqrt(distance2) / width;
        const i = row * size + column;
        if (q >= (this.nearest[i] as number)) continue;
        this.nearest[i] = q;
        this.amount[i] = amountA + (amountB - amountA) * along;
        this.marrow[i] = profile === "bone" ? Math.min(Math.max((width - 1.2) / 1.6, 0), 1) : 0;
      }
    return { left, right, top, bottom };
  }
}
