import type { Kernel, Storage, Target, Variant } from "./kernel";
import { repeat } from "./wgsl";

/**
 * What the register tiles for GPUs have in common (`tileConv`, `tileWgrad`, `tileUpconv`). A workgroup copies what it needs
 * for a step of the contraction to workgroup memory, all threads wait, and each multiplies it into the outputs that it holds in
 * registers. What a tile must balance, with what the GPUs of the last ten years have in common:
 *
 * - Workgroup memory gives about as many bytes a cycle as there are multiply-adds (NVIDIA, Intel less, AMD more): a thread
 *   must do more than one multiply-add for each byte that it reads. With 8 × 8 outputs a thread it is 1.0 byte for a
 *   plain matrix product and 0.71 for a 3×3 convolution, whose values serve three taps out of a register.
 * - Registers: 64 or 96 accumulators, the values and the addresses stay below 128, so that no driver spills and two or
 *   more workgroups share a core and hide each other's barriers.
 * - Threads of a subgroup read neighbouring vec4 or one and the same; rows that they would read at a stride of 128 bytes are
 *   padded by a vec4 to lie in different banks.
 * - WGSL checks every index that varies. Arrays are nested so that what a thread reads in a step of unrolled code has
 *   constant inner indices behind one outer index that is checked once.
 * - Bounds of loops with a large body come from the uniform: unrolled, a body of 768 multiply-adds leaves the instruction cache.
 */

/** What a tile takes: for a device's limits, for the order of candidates and for the documentation. */
export interface TileCost {
  /** Threads of a workgroup, and its bytes of workgroup memory. */
  readonly threads: number;
  readonly workgroupBytes: number;
  /** Bytes that a thread reads from workgroup memory per multiply-add. */
  readonly localBytes: number;
  /** Vec4 that a workgroup copies from global memory per multiply-add: 16 bytes each in float32. */
  readonly copies: number;
}

/** How a tile meets a shape. */
export interface TileUse {
  readonly workgroups: readonly [number, number, number];
  /** Share of the tile's multiply-adds that are not padding. */
  readonly useful: number;
}

export interface RankedTile<Tile> {
  readonly tile: Tile;
  readonly useful: number;
}

/** What a GPU needs to be busy: a workgroup for each core, and a thread for each lane of its cores. */
const CORES = 64;
const LANES = 128;
/** What a core of the smaller GPUs holds: threads with 128 registers, and bytes of workgroup memory. */
const CORE_THREADS = 384;
const CORE_BYTES = 32_768;
/** Share of a step that copying and waiting take where no other workgroup of the core computes meanwhile. */
const STAGING = 0.15;
/** Cycles of a vec4 that is copied: its addresses, and 16 bytes of the cache, at half the speed of workgroup memory. */
const COPY_CYCLES = 40;
/** Closer estimates than this say nothing; the order of the list decides. */
const TIE = 1.05;
/** Below this share of useful work the simple kernels, which read each value from global memory, are as fast. */
const LEAST_USEFUL = 0.6;
const MOST_TILES = 6;
const MOST_HALVES = 4;
/** Software adapters gain nothing from workgroup memory; the tuner may try. */
const SOFTWARE_TILES = 1;

/**
 * The tiles that a device can run, by estimated time: six at most, and behind them four in halves. The estimate is in cycles per
 * useful multiply-add: one for itself; half of what workgroup memory takes (the other half overlaps); the copies; what
 * other workgroups of the core do not hide; and more where workgroups or threads are too few. Halves are behind
 * because what they win in bytes they lose in conversions on some GPUs, and because they round: only a measurement may
 * choose them.
 */
export function rankTiles<Tile>(
  tiles: readonly Tile[],
  inHalves: readonly Tile[],
  target: Target,
  costOf: (tile: Tile) => TileCost,
  useOf: (tile: Tile) => TileUse,
): readonly RankedTile<Tile>[] {
  const best = (list: readonly Tile[], most: number): readonly RankedTile<Tile>[] => {
    const fitting = list
      .map((tile) => ({ tile, cost: costOf(tile), use: useOf(tile) }))
      .filter(
        ({ cost, use }) =>
          cost.threads <= target.maxInvocationsPerWorkgroup &&
          cost.workgroupBytes <= target.maxWorkgroupBytes &&
          use.workgroups.every((count) => count <= target.maxWorkgroupsPerDimension),
      )
      .map(({ tile, cost, use }) => ({ tile, useful: use.useful, cycles: cyclesOf(cost, use) }));
    const least = Math.min(...fitting.map(({ cycles }) => cycles));
    const first = fitting.find(({ cycles }) => cycles <= TIE * least);
    const others = fitting.filter((each) => each !== first).sort((a, b) => a.cycles - b.cycles);
    return [...(first ? [first] : []), ...others].slice(0, most);
  };
  return [...best(tiles, MOST_TILES), ...best(inHalves, MOST_HALVES)];
}

function cyclesOf(
  { threads, workgroupBytes, localBytes, copies }: TileCost,
  { workgroups, useful }: TileUse,
): number {
  const count = workgroups.reduce((product, each) => product * each, 1);
  const filled = Math.min(1, count / CORES, (count * threads) / (CORES * LANES));
  const together = Math.max(1, Math.min(CORE_THREADS / threads, CORE_BYTES / workgroupBytes));
  return (1 + localBytes / 2 + COPY_CYCLES * copies + STAGING / together) / (useful * filled);
}

/**
 * The order of an operation's variants: on a GPU the tiles come first if the best does useful work for the most part, else
 * behind the others; on software adapters one comes last.
 */
export function withTiles<Tile, Result extends Kernel>(
  others: readonly Variant<Result>[],
  ranked: readonly RankedTile<Tile>[],
  target: Target,
  variantOf: (tile: Tile) => Variant<Result>,
): readonly Variant<Result>[] {
  const variants = ranked.map(({ tile }) => variantOf(tile));
  if (target.software) return [...others, ...variants.slice(0, SOFTWARE_TILES)];
  return (ranked[0]?.useful ?? 0) >= LEAST_USEFUL ? [...variants, ...others] : [...others, ...variants];
}

/** Tiles as they are with halves in workgroup memory: where the device has them and features are stored so. */
export function inHalves<Tile>(
  tiles: readonly Tile[],
  storage: Storage,
  target: Target,
  change: (tile: Tile) => Tile,
): readonly Tile[] {
  return storage === "f16" && target.shaderF16 ? tiles.map(change) : [];
}

/** Element of a tile in workgroup memory, and its bytes. */
export function tileElement(halves: boolean): {
  readonly element: "vec4h" | "vec4f";
  readonly bytes: number;
} {
  return halves ? { element: "vec4h", bytes: 8 } : { element: "vec4f", bytes: 16 };
}

/** Statements that move accumulator `names[i + 1]` to `names[i]`: registers have no index, but a loop can shift them. */
export function shift(names: readonly string[]): string {
  return repeat(names.length - 1, (i) => `${names[i]} = ${names[i + 1]};`);
}
