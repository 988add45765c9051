import { LabError } from "@/contracts/failure";

/**
 * Takes images of any size through a network that wants sides of a multiple of 16 and memory that is bounded: a side
 * shorter than a tile is padded by reflection, a longer one is cut into overlapping tiles whose results are blended.
 */
export interface TileOptions {
  /** Longest side given to the network, a multiple of `multiple`. */
  readonly tile: number;
  /** Pixels that neighbouring tiles share at least; at most half a tile. A network that sees r pixels far leaves no seam when overlap ≥ 4·r. */
  readonly overlap: number;
  /** The network's size multiple. */
  readonly multiple: number;
}

export interface TilePlan {
  readonly width: number;
  readonly height: number;
  /** Every tile is [tileHeight, tileWidth]: one prepared network serves all. */
  readonly tileWidth: number;
  readonly tileHeight: number;
  /** Tiles row by row. */
  readonly count: number;
  readonly columns: Axis;
  readonly rows: Axis;
}

interface Axis {
  /** Image coordinate of each tile's first pixel; negative where it is padded. */
  readonly starts: readonly number[];
  /** Blending weight of each pixel of each tile; over the tiles they add up to 1 at every image pixel. */
  readonly weights: readonly Float64Array[];
}

/** How to cut a [height, width] image. Throws `shape/tile` for options that cannot work. */
export function planTiles(width: number, height: number, options: TileOptions): TilePlan {
  const { tile, overlap, multiple } = options;
  const whole = [width, height, tile, overlap, multiple].every(Number.isInteger);
  if (!whole || width < 1 || height < 1 || multiple < 1 || tile < multiple || tile % multiple !== 0)
    throw new LabError(
      "shape/tile",
      `Tiles of ${tile} pixels cannot cover ${width}×${height} in multiples of ${multiple}.`,
      `Use a tile side that is a multiple of ${multiple}.`,
    );
  if (overlap < 0 || overlap > tile / 2)
    throw new LabError(
      "shape/tile",
      `An overlap of ${overlap} pixels does not suit tiles of ${tile}.`,
      `Use an overlap between 0 and ${Math.floor(tile / 2)}.`,
    );
  const side = (length: number) => (length <= tile ? Math.ceil(length / multiple) * multiple : tile);
  const tileWidth = side(width);
  const tileHeight = side(height);
  const columns = planAxis(width, tileWidth, overlap);
  const rows = planAxis(height, tileHeight, overlap);
  return {
    width,
    height,
    tileWidth,
    tileHeight,
    count: columns.starts.length * rows.starts.length,
    columns,
    rows,
  };
}

/** Tile `index` of a [height, width] image: [tileHeight, tileWidth]. */
export function cutTile(image: Float32Array, plan: TilePlan, index: number): Float32Array<ArrayBuffer> {
  requireLength(image.length, plan.width * plan.height);
  const { row, column } = place(plan, index);
  const top = plan.rows.starts[row] as number;
  const left = plan.columns.starts[column] as number;
  const out = new Float32Array(plan.tileWidth * plan.tileHeight);
  for (let y = 0; y < plan.tileHeight; y++) {
    const source = reflect(top + y, plan.height) * plan.width;
    for (let x = 0; x < plan.tileWidth; x++)
      out[y * plan.tileWidth + x] = image[source + reflect(left + x, plan.width)] as number;
  }
  return out;
}

/** Puts processed tiles together again; holds one image of float32, whatever the number of tiles. */
export class TileBlender {
  private readonly plan: TilePlan;
  private readonly image: Float32Array<ArrayBuffer>;
  private readonly missing: Set<number>;

  constructor(plan: TilePlan) {
    this.plan = plan;
    this.image = new Float32Array(plan.width * plan.height);
    this.missing = new Set(Array.from({ length: plan.count }, (_, i) => i));
  }

  /** Adds the processed tile `index`, [tileHeight, tileWidth], once. */
  add(index: number, tile: Float32Array): void {
    const { plan } = this;
    requireLength(tile.length, plan.tileWidth * plan.tileHeight);
    const { row, column } = place(plan, index);
    if (!this.missing.delete(index))
      throw new LabError("shape/tile", `Tile ${index} was added twice.`, "Add each tile once.");
    const top = plan.rows.starts[row] as number;
    const left = plan.columns.starts[column] as number;
    const weightsY = plan.rows.weights[row] as Float64Array;
    const weightsX = plan.columns.weights[column] as Float64Array;
    for (let y = 0; y < plan.tileHeight; y++) {
      const weightY = weightsY[y] as number;
      if (weightY === 0) continue;
      for (let x = 0; x < plan.tileWidth; x++) {
        const weight = weightY * (weightsX[x] as number);
        // Also where the tile holds no image: a network may give NaN there, and 0·NaN would stay.
        if (weight === 0) continue;
        const i = (top + y) * plan.width + left + x;
        this.image[i] = (this.image[i] as number) + weight * (tile[y * plan.tileWidth + x] as number);
      }
    }
  }

  /** The [height, width] image. Throws `shape/tile` when a tile is missing. */
  finish(): Float32Array<ArrayBuffer> {
    if (this.missing.size > 0)
      throw new LabError(
        "shape/tile",
        `${this.missing.size} of ${this.plan.count} tiles are missing.`,
        "Add every tile before finishing.",
      );
    return this.image;
  }
}

function planAxis(length: number, tile: number, overlap: number): Axis {
  if (length <= tile) {
    const start = -Math.floor((tile - length) / 2);
    const weights = Float64Array.from({ length: tile }, (_, i) =>
      start + i >= 0 && start + i < length ? 1 : 0,
    );
    return { starts: [start], weights: [weights] };
  }
  const count = Math.ceil((length - overlap) / (tile - overlap));
  const starts = Array.from({ length: count }, (_, i) => Math.round((i * (length - tile)) / (count - 1)));
  // Where tile i−1 hands over to tile i: a ramp over half the overlap in the middle of what both cover, so that the
  // outer quarters, where a network lacks its surroundings, count for nothing.
  const ramps = starts
    .slice(1)
    .map((start, i) => ({ middle: (start + (starts[i] as number) + tile) / 2, half: overlap / 4 }));
  const weights = starts.map((start, i) =>
    Float64Array.from({ length: tile }, (_, k) => {
      const centre = start + k + 0.5;
      return handedOver(ramps[i - 1], centre, 1) - handedOver(ramps[i], centre, 0);
    }),
  );
  return { starts, weights };
}

/** 0 before the ramp, 1 after it; `outside` where there is no neighbour to hand over from or to. */
function handedOver(
  ramp: { readonly middle: number; readonly half: number } | undefined,
  position: number,
  outside: number,
): number {
  if (ramp === undefined) return outside;
  if (position <= ramp.middle - ramp.half) return 0;
  if (position >= ramp.middle + ramp.half) return 1;
  const t = (position - ramp.middle + ramp.half) / (2 * ramp.half);
  return t * t * (3 - 2 * t);
}

/** Index into 0 … length−1, mirrored at both ends without repeating the end (numpy's `reflect`), as often as it takes. */
function reflect(position: number, length: number): number {
  if (position >= 0 && position < length) return position;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const folded = ((position % period) + period) % period;
  return folded < length ? folded : period - folded;
}

function place(plan: TilePlan, index: number): { row: number; column: number } {
  if (!Number.isInteger(index) || index < 0 || index >= plan.count)
    throw new LabError("shape/tile", `There is no tile ${index} of ${plan.count}.`, "Use 0 … count−1.");
  const across = plan.columns.starts.length;
  return { row: Math.floor(index / across), column: index % across };
}

function requireLength(length: number, expected: number): void {
  if (length !== expected)
    throw new LabError(
      "shape/tile",
      `${length} values given where the plan has ${expected}.`,
      "Use the image and tiles of this plan.",
    );
}
