import type { FeatureAccess } from "./access";
import type { Binding, Extent, SourceSpec, Target } from "./kernel";
import { inHalves, type RankedTile, rankTiles, shift, type TileCost, tileElement } from "./tile";
import { blocksOf, declare, repeat } from "./wgsl";

/** What a workgroup and a thread of `tileWgrad` make. */
export interface WgradTile {
  /** Blocks of 4 source channels × blocks of 4 gradient channels of a workgroup, with all taps. */
  readonly inputs: number;
  readonly outputs: number;
  /** Of a thread, with a row of taps. */
  readonly inVectors: number;
  readonly outVectors: number;
  /** Rows of 8 pixels a step. */
  readonly rows: number;
  /** Workgroup memory holds halves. */
  readonly halves: boolean;
}

/** Which pixels a weight joins. */
export interface Taps {
  /** Of a row and of a column. */
  readonly side: 2 | 3;
  /** Source pixels around a block that its taps reach. */
  readonly halo: 0 | 1;
  /** Gradient pixels a source pixel, along a side. */
  readonly scale: 1 | 2;
}

/** Convolution 3×3: tap (dy, dx) joins source pixel (y + dy − 1, x + dx − 1) with gradient pixel (y, x). */
export const CONV_TAPS: Taps = { side: 3, halo: 1, scale: 1 };
/** Transposed convolution 2×2: tap (dy, dx) joins source pixel (y, x) with gradient pixel (2y + dy, 2x + dx). */
export const UPCONV_TAPS: Taps = { side: 2, halo: 0, scale: 2 };

export interface WgradProblem extends Extent {
  readonly taps: Taps;
  readonly source: SourceSpec;
  readonly outChannels: number;
  readonly bias: boolean;
}

/** Pixels of a row that a step holds, and threads that share the sum of a channel's gradient. */
const COLUMNS = 8;
const SHARERS = 4;
/** Splits: as many threads as fill a large GPU, scratch of 16 MiB, and pixels enough that partial sums cost little to write and add. */
const WANTED_THREADS = 1 << 17;
const SCRATCH_FLOATS = 1 << 22;
const LEAST_PIXELS = 256;

const tile = (
  inChannels: number,
  outChannels: number,
  inVectors: number,
  outVectors: number,
  rows: number,
): WgradTile => ({
  inputs: inChannels / 4,
  outputs: outChannels / 4,
  inVectors,
  outVectors,
  rows,
  halves: false,
});

/** 96 or 48 accumulators a thread; within 16 KiB in float32. */
const CONV_TILES: readonly WgradTile[] = [
  tile(32, 64, 1, 2, 2),
  tile(16, 64, 1, 2, 4),
  tile(32, 32, 1, 2, 4),
  tile(32, 32, 1, 1, 4),
  tile(16, 32, 1, 1, 4),
  tile(16, 16, 1, 1, 8),
];

/** 64 or 32 accumulators a thread. */
const UPCONV_TILES: readonly WgradTile[] = [
  tile(64, 32, 2, 1, 2),
  tile(32, 32, 2, 1, 2),
  tile(32, 32, 1, 1, 2),
  tile(32, 16, 1, 1, 4),
];

interface Shape {
  readonly threads: number;
  /** Threads along either side. */
  readonly inParts: number;
  readonly outParts: number;
  readonly sourceRows: number;
  readonly sourceColumns: number;
  readonly gradientRows: number;
  readonly gradientColumns: number;
  /** Length of a row in workgroup memory, in vec4: neighbouring threads read neighbouring blocks, in different banks. */
  readonly sourceLength: number;
  readonly gradientLength: number;
}

function shapeOf({ inputs, outputs, inVectors, outVectors, rows }: WgradTile, taps: Taps): Shape {
  const { side, halo, scale } = taps;
  const inParts = inputs / inVectors;
  const outParts = outputs / outVectors;
  const sourceColumns = COLUMNS + 2 * halo;
  return {
    threads: side * inParts * outParts,
    inParts,
    outParts,
    sourceRows: rows + 2 * halo,
    sourceColumns,
    gradientRows: rows * scale,
    gradientColumns: COLUMNS * scale,
    sourceLength: halo === 1 ? sourceColumns : sourceColumns + 1,
    gradientLength: COLUMNS * scale + 1,
  };
}

/** What a tile takes. */
export function wgradTileCost(tile: WgradTile, taps: Taps): TileCost {
  const { inputs, outputs, inVectors, outVectors, rows } = tile;
  const shape = shapeOf(tile, taps);
  const { threads, sourceRows, sourceColumns, gradientRows, gradientColumns } = shape;
  const { bytes } = tileElement(tile.halves);
  const { side, scale } = taps;
  const source = sourceRows * inputs;
  const gradient = gradientRows * outputs;
  const perRow = COLUMNS * side * 16 * inVectors * outVectors;
  return {
    threads,
    workgroupBytes:
      bytes * (source * shape.sourceLength + gradient * shape.gradientLength) + 16 * SHARERS * outputs,
    localBytes: (bytes * (inVectors * sourceColumns + outVectors * COLUMNS * scale)) / perRow,
    copies: (source * sourceColumns + gradient * gradientColumns) / (perRow * rows * threads),
  };
}

/** `tile 32×64ch 2×8px 4×8`: channels of a workgroup, pixels a step, channels of a thread. */
export function wgradTileName({ inputs, outputs, inVectors, outVectors, rows, halves }: WgradTile): string {
  return `tile ${4 * inputs}×${4 * outputs}ch ${rows}×${COLUMNS}px ${4 * inVectors}×${4 * outVectors}${halves ? " f16" : ""}`;
}

/** Steps of a shape, and the splits that they are made in. */
function splitting(
  { images, height, width, source, outChannels, bias, taps }: WgradProblem,
  tile: WgradTile,
): {
  readonly steps: number;
  readonly stepsPerSplit: number;
  readonly splits: number;
  readonly partialFloats: number;
} {
  const steps = images * Math.ceil(height / tile.rows) * Math.ceil(width / COLUMNS);
  const tiles =
    Math.ceil(blocksOf(source.channels) / tile.inputs) * Math.ceil(blocksOf(outChannels) / tile.outputs);
  const partialFloats = taps.side ** 2 * source.channels * outChannels + (bias ? outChannels : 0);
  const wanted = Math.ceil(WANTED_THREADS / (tiles * shapeOf(tile, taps).threads));
  const affordable = Math.floor(SCRATCH_FLOATS / partialFloats);
  const most = Math.max(
    1,
    Math.min(wanted, affordable, Math.ceil((steps * tile.rows * COLUMNS) / LEAST_PIXELS)),
  );
  const stepsPerSplit = Math.ceil(steps / most);
  return { steps, stepsPerSplit, splits: Math.ceil(steps / stepsPerSplit), partialFloats };
}

/**
 * The tiles for a weight gradient; none for the network's input of one channel, whose gradient has 9 multiply-adds for each
 * number that is read and waits for memory whatever holds it.
 */
export function wgradTiles(spec: WgradProblem, target: Target): readonly RankedTile<WgradTile>[] {
  const { height, width, storage, source, outChannels, taps } = spec;
  if (source.channels === 1) return [];
  const tiles = taps.side === 3 ? CONV_TILES : UPCONV_TILES;
  return rankTiles(
    tiles,
    inHalves(tiles, storage, target, (tile) => ({ ...tile, rows: 2 * tile.rows, halves: true })),
    target,
    (tile) => wgradTileCost(tile, taps),
    (tile) => {
      const across = Math.ceil(width / COLUMNS) * COLUMNS;
      const down = Math.ceil(height / tile.rows) * tile.rows;
      const inGroups = Math.ceil(blocksOf(source.channels) / tile.inputs);
      const outGroups = Math.ceil(blocksOf(outChannels) / tile.outputs);
      const made = across * down * inGroups * tile.inputs * outGroups * tile.outputs;
      return {
        workgroups: [outGroups, inGroups, splitting(spec, tile).splits],
        useful: (height * width * blocksOf(source.channels) * blocksOf(outChannels)) / made,
      };
    },
  );
}

/**
 * Weight gradient of a convolution 3×3 or a transposed convolution 2×2 through workgroup memory: implicit GEMM whose
 * contraction runs over pixels, in `splits` partial sums over disjoint blocks of pixels.
 *
 * A workgroup makes all taps × inputs × outputs. Per step it copies `rows` × 8 pixels of the gradient and of the source, with its
 * halo, normalised and rectified once. A thread holds one row of taps for 4·inVectors × 4·outVectors channels and walks along
 * the rows: of a convolution it reads 10 vec4 of the source a row, each used for three taps, and 8·outVectors of the gradient, for
 * 384·outVectors multiply-adds: with 4 × 8 channels 0.54 bytes each and 96 accumulators. Neighbours in a subgroup are
 * neighbouring blocks of the gradient, whose rows in workgroup memory are an odd number of vec4, and share the source's.
 * Of a transposed convolution it reads 16·inVectors… as a plain matrix product does: with 8 × 4 channels 1.0 bytes.
 *
 * With 32×64 channels × 2×8 pixels a workgroup of 192 threads reads 9.2 kB for 294,912 multiply-adds (64 FLOP a byte) and holds
 * 10,752 bytes. The gradient's own sums (∂bias) are made by 4 threads a block from workgroup memory, in the workgroups of
 * the first inputs alone. Partial sums are written once; the number of splits fills a large GPU as far as 16 MiB of
 * scratch allow, and gives each split 256 pixels or more.
 */
export function tileWgrad(
  problem: WgradProblem,
  access: FeatureAccess,
  tile: WgradTile,
): {
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly constants: Int32Array<ArrayBuffer>;
  readonly workgroups: readonly [number, number, number];
  readonly splits: number;
  readonly partialFloats: number;
} {
  const { height, width, source, outChannels, taps } = problem;
  const { side, halo, scale } = taps;
  const { inputs, outputs, inVectors, outVectors, rows } = tile;
  const shape = shapeOf(tile, taps);
  const { threads, inParts, outParts, sourceRows, sourceColumns, gradientRows, gradientColumns } = shape;
  const { steps, stepsPerSplit, splits, partialFloats } = splitting(problem, tile);
  const { element } = tileElement(tile.halves);
  const inBlocks = blocksOf(source.channels);
  const outBlocks = blocksOf(outChannels);
  const { text, bindings } = declare(
    [
      ...(source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", access.read],
      ["gradient", "read", access.read],
      ["partials", "readWrite", "vec4f"],
    ],
    access,
  );
  const weightVectors = side ** 2 * source.channels * outBlocks;
  const constants = Int32Array.from([
    ...[height, width, Math.ceil(width / COLUMNS), Math.ceil(height / rows)],
    ...[inBlocks, outBlocks, steps, stepsPerSplit],
    ...[partialFloats / 4, problem.bias ? weightVectors : -1, rows, 4],
    ...[source.normOffset ?? 0, 0, 0, 0],
  ]);
  const a = (dx: number, i: number, lane: number, k: number): string => `a${dx}_${i}_${lane}_${k}`;
  const each = (line: (dx: number, i: number, k: number) => string): string =>
    repeat(side, (dx) => repeat(inVectors, (i) => repeat(outVectors, (k) => line(dx, i, k))));
  const lanes = (dx: number, i: number, k: number): string[] => [0, 1, 2, 3].map((lane) => a(dx, i, lane, k));
  const loaded = access.load("source[at]");
  const moved =
    source.normOffset === null
      ? loaded
      : `fma(${loaded}, norms[norm + block], norms[norm + inBlocks + block])`;
  const seen = source.relu ? `max(vec4f(), ${moved})` : moved;
  /** Copies `rowCount` × `columns` pixels of `blocks` blocks from `first`; `inside` says where there are any. */
  const stage = (
    name: string,
    [rowCount, columns, blocks]: readonly [number, number, number],
    place: string,
    inside: string,
    at: string,
    value: string,
  ): string => `for (var i = thread; i < ${rowCount * columns * blocks}; i += ${threads}) {
      let c = i % ${columns};
      let r = (i / ${columns}) % ${rowCount};
      let b = i / ${columns * rowCount};
      ${place}
      var value = vec4f();
      if (${inside}) {
        let at = ${at};
        value = ${value};
      }
      ${name}[r * ${blocks} + b][c] = ${element}(value);
    }`;
  const wgsl = `${text}
@group(0) @binding(${bindings.length}) var<uniform> constants: array<vec4i, 4>;
var<workgroup> sourceTile: array<array<${element}, ${shape.sourceLength}>, ${sourceRows * inputs}>;
var<workgroup> gradientTile: array<array<${element}, ${shape.gradientLength}>, ${gradientRows * outputs}>;
var<workgroup> sums: array<vec4f, ${SHARERS * outputs}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32(local);
  let height = constants[0].x;
  let width = constants[0].y;
  let inBlocks = constants[1].x;
  let outBlocks = constants[1].y;
  let counts = constants[2];
  let norm = constants[3].x;
  let outPart = thread % ${outParts};
  let inPart = (thread / ${outParts}) % ${inParts};
  let dy = thread / ${outParts * inParts};
  let firstOut = i32(group.x) * ${outputs};
  let firstIn = i32(group.y) * ${inputs};
  let split = i32(group.z);
  let biased = group.y == 0u && counts.y >= 0;
  ${each((dx, i, k) => repeat(4, (lane) => `var ${a(dx, i, lane, k)} = vec4f();`))}
  var sum = vec4f();
  for (var step = split * constants[1].w; step < min((split + 1) * constants[1].w, constants[1].z); step++) {
    let left = (step % constants[0].z) * ${COLUMNS};
    let top = ((step / constants[0].z) % constants[0].w) * ${rows};
    let image = step / (constants[0].z * constants[0].w);
    workgroupBarrier();
    ${stage(
      "sourceTile",
      [sourceRows, sourceColumns, inputs],
      `let block = firstIn + b; let y = top + r - ${halo}; let x = left + c - ${halo};`,
      "block < inBlocks && y >= 0 && y < height && x >= 0 && x < width",
      "((image * inBlocks + block) * height + y) * width + x",
      seen,
    )}
    ${stage(
      "gradientTile",
      [gradientRows, gradientColumns, outputs],
      `let block = firstOut + b; let y = top * ${scale} + r; let x = left * ${scale} + c;`,
      `block < outBlocks && y < height * ${scale} && x < width * ${scale}`,
      `((image * outBlocks + block) * height * ${scale} + y) * width * ${scale} + x`,
      access.load("gradient[at]"),
    )}
    workgroupBarrier();
    if (biased && thread < ${SHARERS * outputs}) {
      for (var r = 0; r < ${gradientRows}; r++) {
        for (var c = thread % ${SHARERS}; c < ${gradientColumns}; c += ${SHARERS}) {
          sum += vec4f(gradientTile[r * ${outputs} + thread / ${SHARERS}][c]);
        }
      }
    }
    for (var r = 0; r < counts.z; r++) {
      let near = (r + dy * ${halo}) * ${inputs} + inPart;
      let by = (r * ${scale} + dy * ${scale - 1}) * ${outputs} + outPart;
      ${repeat(inVectors, (i) => repeat(sourceColumns, (c) => `let v${i}_${c} = vec4f(sourceTile[near + ${i * inParts}][${c}]);`))}
      ${repeat(gradientColumns, (c) =>
        repeat(outVectors, (k) => {
          // Of a transposed convolution each gradient pixel has one tap.
          const reached = scale === 2 ? [c % 2] : Array.from({ length: side }, (_, dx) => dx);
          const x = Math.floor(c / scale);
          return `{ let g = vec4f(gradientTile[by + ${k * outParts}][${c}]);
      ${reached
        .map((dx) =>
          repeat(inVectors, (i) =>
            repeat(
              4,
              (lane) =>
                `${a(dx, i, lane, k)} = fma(vec4f(v${i}_${x + halo * dx}[${lane}]), g, ${a(dx, i, lane, k)});`,
            ),
          ),
        )
        .join("\n")} }`;
        }),
      )}
    }
  }
  if (biased) {
    if (thread < ${SHARERS * outputs}) { sums[thread] = sum; }
    workgroupBarrier();
    if (thread < min(${outputs}, outBlocks - firstOut)) {
      sum = sums[${SHARERS} * thread];
      for (var s = 1; s < ${SHARERS}; s++) { sum += sums[${SHARERS} * thread + s]; }
      partials[split * counts.x + counts.y + firstOut + thread] = sum;
    }
  }
  for (var lane = 0; lane < counts.w; lane++) {
    ${each((dx, i, k) => {
      const inBlock = `firstIn + inPart + ${i * inParts}`;
      const outBlock = `firstOut + outPart + ${k * outParts}`;
      return `if (${inBlock} < inBlocks && ${outBlock} < outBlocks) {
      partials[split * counts.x + (((dy * ${side} + ${dx}) * inBlocks + ${inBlock}) * 4 + lane) * outBlocks + ${outBlock}] = ${a(dx, i, 0, k)};
    }`;
    })}
    ${each((dx, i, k) => shift(lanes(dx, i, k)))}
  }
}`;
  const workgroups = [Math.ceil(outBlocks / outputs), Math.ceil(inBlocks / inputs), splits] as const;
  return { wgsl, bindings, constants, workgroups, splits, partialFloats };
}
