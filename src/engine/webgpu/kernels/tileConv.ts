import type { FeatureAccess } from "./access";
import type { Binding, Extent, SourceSpec, Target } from "./kernel";
import { inHalves, type RankedTile, rankTiles, shift, type TileCost, tileElement } from "./tile";
import { blocksOf, type Declared, declare, repeat } from "./wgsl";

/** What a workgroup and a thread of `tileConv` make. */
export interface ConvTile {
  /** Rows and columns of pixels of a workgroup; `pixels` divides rows. */
  readonly rows: number;
  readonly columns: number;
  /** Output channels of a workgroup. */
  readonly channels: number;
  /** Pixels of a column × blocks of 4 channels of a thread. */
  readonly pixels: number;
  readonly vectors: number;
  /** Blocks of 4 input channels a step. */
  readonly blocks: number;
  /** Workgroup memory holds halves. */
  readonly halves: boolean;
}

/** Where a vec4f of weights lies: start + tap·tapStep + row·rowStep + block of inputs·blockStep + vector of outputs·vectorStep. */
export interface TileWalk {
  readonly tapStep: number;
  /** From one of four numbers to the next: of inputs, or of outputs where `turned`. */
  readonly rowStep: number;
  readonly blockStep: number;
  readonly vectorStep: number;
  /** A vec4f runs over inputs instead of outputs: 4×4 numbers are transposed on their way. */
  readonly turned: boolean;
}

export interface TileConv extends Extent {
  readonly access: FeatureAccess;
  /** What is contracted, with the names of the bindings and the start of their weights in vec4f. */
  readonly sources: readonly {
    readonly name: string;
    readonly source: SourceSpec;
    readonly weightStart: number;
  }[];
  readonly walk: TileWalk;
  readonly outChannels: number;
  /** Bindings besides `weights`, `norms` (vec4f) and sources, in their place before and behind the sources. */
  readonly before: readonly Declared[];
  readonly after: readonly Declared[];
  /** Value of the accumulators at first: WGSL over the block of channels `block`. */
  readonly initial: (block: string) => string;
  /** Statement that stores `value` at `to` of `output`. */
  readonly store: string;
}

const tile = (
  [rows, columns]: readonly [number, number],
  channels: number,
  [pixels, outputs]: readonly [number, number],
  inputs: number,
): ConvTile => ({
  rows,
  columns,
  channels,
  pixels,
  vectors: outputs / 4,
  blocks: inputs / 4,
  halves: false,
});

/**
 * 8 × 8 outputs a thread where there are many; fewer a thread for small images; few channels for narrow layers; blocks of
 * 8 columns for small images. Within 16 KiB in float32, except for the last, which takes halves or a larger device.
 */
const TILES: readonly ConvTile[] = [
  tile([8, 16], 64, [8, 8], 4),
  tile([16, 16], 64, [8, 8], 4),
  tile([8, 32], 64, [8, 8], 4),
  tile([8, 16], 32, [8, 8], 4),
  tile([8, 8], 64, [8, 8], 4),
  tile([8, 16], 64, [8, 4], 4),
  tile([8, 16], 32, [8, 4], 4),
  tile([8, 16], 16, [8, 4], 4),
  tile([8, 8], 32, [8, 4], 8),
  tile([8, 8], 64, [4, 4], 4),
  tile([8, 8], 32, [4, 4], 8),
  tile([8, 16], 128, [8, 8], 4),
];

interface Shape {
  readonly strips: number;
  readonly parts: number;
  readonly threads: number;
  /** Columns with the halo. */
  readonly across: number;
  /** Length of the inner arrays in workgroup memory, in vec4: odd, and 13 instead of 12 vectors, so that banks differ. */
  readonly sourceLength: number;
  readonly weightLength: number;
}

function shapeOf({ rows, columns, channels, pixels, vectors }: ConvTile): Shape {
  const strips = rows / pixels;
  const parts = channels / (4 * vectors);
  return {
    strips,
    parts,
    threads: columns * strips * parts,
    across: columns + 2,
    sourceLength: (pixels + 2) | 1,
    weightLength: 13 * vectors,
  };
}

/** What a tile takes. */
export function convTileCost(tile: ConvTile): TileCost {
  const { strips, parts, threads, across, sourceLength, weightLength } = shapeOf(tile);
  const { bytes } = tileElement(tile.halves);
  const outputs = tile.pixels * 4 * tile.vectors;
  const copied = across * strips * (tile.pixels + 2) + 9 * tile.channels;
  return {
    threads,
    workgroupBytes: bytes * tile.blocks * (strips * across * sourceLength + 3 * parts * weightLength),
    // Of a block of inputs and a column of taps.
    localBytes: (bytes * (tile.pixels + 2 + 12 * tile.vectors)) / (12 * outputs),
    copies: copied / (36 * outputs * threads),
  };
}

/** `tile 8×16px 64ch k4 8×8`: rows × columns and channels of a workgroup, inputs a step, pixels × channels of a thread. */
export function convTileName({ rows, columns, channels, pixels, vectors, blocks, halves }: ConvTile): string {
  return `tile ${rows}×${columns}px ${channels}ch k${4 * blocks} ${pixels}×${4 * vectors}${halves ? " f16" : ""}`;
}

/**
 * The tiles for a convolution of sources with `inChannels` each to `outChannels`; none for the network's input of one channel:
 * with 9 multiply-adds an output that convolution waits for memory, and the kernel without workgroup memory reads each
 * value once, too.
 */
export function convTiles(
  { images, height, width, storage }: Extent,
  inChannels: readonly number[],
  outChannels: number,
  target: Target,
): readonly RankedTile<ConvTile>[] {
  if (inChannels.some((channels) => channels === 1)) return [];
  const blocks = inChannels.reduce((sum, channels) => sum + blocksOf(channels), 0);
  return rankTiles(
    TILES,
    inHalves(TILES, storage, target, (tile) => ({
      ...tile,
      blocks: tile.channels > 64 ? 1 : 2,
      halves: true,
    })),
    target,
    convTileCost,
    (tile) => {
      const padded = inChannels.reduce(
        (sum, channels) => sum + tile.blocks * Math.ceil(blocksOf(channels) / tile.blocks),
        0,
      );
      const pixels = Math.ceil(width / tile.columns) * Math.ceil(height / tile.rows);
      const parts = Math.ceil(outChannels / tile.channels);
      const made = pixels * tile.columns * tile.rows * parts * tile.channels;
      return {
        workgroups: [pixels * images, parts, 1],
        useful: ((height * width * outChannels) / made) * (blocks / padded),
      };
    },
  );
}

/**
 * 3×3 convolution through workgroup memory: implicit GEMM whose rows are the pixels of a block of the image.
 *
 * A workgroup makes rows × columns pixels × channels. Per step (4 or 8 input channels) it copies the pixels with a halo of 1,
 * normalised and rectified once, and the weights of 9 taps; dgrad's 4×4 weights are transposed on the way. A thread
 * makes `pixels` of a column × 4·`vectors` channels; neighbours in a subgroup have neighbouring columns. For each of the three columns of
 * taps it reads pixels + 2 vec4 of the source, each used for three taps, and 12·vectors of weights, the same for all threads
 * of a column of pixels, for 48·pixels·vectors multiply-adds. With 8 × 8: 34 vec4 for 768 multiply-adds (0.71 bytes each), 64
 * accumulators, 40 registers of values; 2 barriers for 2,304 multiply-adds of each thread at 4 input channels a step.
 *
 * With 8×16 pixels × 64 channels a workgroup of 128 threads reads 12.1 kB for 294,912 multiply-adds (49 FLOP a byte, of which the
 * cache serves most: neighbours share the weights) and holds 13,152 of the default 16,384 bytes. Sizes come from a uniform, so
 * that layers with equal tiles share a pipeline; a list of sources is one loop, so that the text does not grow with it.
 * Halves in workgroup memory are half the bytes to read, for a conversion a number and weights rounded to 11 bits; sums stay float32.
 */
export function tileConv(
  spec: TileConv,
  tile: ConvTile,
): {
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly constants: Int32Array<ArrayBuffer>;
  readonly workgroups: readonly [number, number, number];
} {
  const { images, height, width, access, sources, walk, outChannels } = spec;
  const { rows, columns, channels, pixels, vectors, blocks } = tile;
  const { strips, parts, threads, across, sourceLength, weightLength } = shapeOf(tile);
  const { element } = tileElement(tile.halves);
  const blocksAcross = Math.ceil(width / columns);
  const blocksDown = Math.ceil(height / rows);
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ...spec.before,
      ...(sources.some(({ source }) => source.normOffset !== null)
        ? [["norms", "read", "vec4f"] as const]
        : []),
      ...sources.map(({ name }) => [name, "read", access.read] as const),
      ...spec.after,
    ],
    access,
  );
  /** The first step of each source, and the end. */
  const begins = [0];
  for (const { source } of sources)
    begins.push((begins.at(-1) as number) + Math.ceil(blocksOf(source.channels) / blocks));
  const constants = Int32Array.from([
    ...[height, width, blocksAcross, blocksDown],
    ...[walk.tapStep, walk.rowStep, walk.blockStep, walk.vectorStep],
    ...[blocksOf(outChannels), begins.at(-1) as number, pixels, 3],
    ...[blocks, 0, 0, 0],
    ...sources.flatMap(({ source, weightStart }, index) => [
      blocksOf(source.channels),
      weightStart,
      source.normOffset ?? 0,
      begins[index] as number,
    ]),
  ]);
  const a = (p: number, k: number): string => `a${p}_${k}`;
  const seen = ({ name, source }: TileConv["sources"][number]): string => {
    const stored = access.load(`${name}[at]`);
    const moved =
      source.normOffset === null
        ? stored
        : `fma(${stored}, norms[source.z + block], norms[source.z + source.x + block])`;
    return source.relu ? `max(vec4f(), ${moved})` : moved;
  };
  const loadSource = sources
    .map((each, index) => {
      const last = index === sources.length - 1;
      return `${last ? "" : `if (step < constants[${5 + index}].w) `}{ value = ${seen(each)}; }`;
    })
    .join(" else ");
  const weight = (row: number): string =>
    walk.turned ? `vec4f(${[0, 1, 2, 3].map((j) => `w${j}[${row}]`).join()})` : `w${row}`;
  const vectorsOfTile = channels / 4;
  const names = (k: number): string[] => Array.from({ length: pixels }, (_, p) => a(p, k));
  const wgsl = `${text}
@group(0) @binding(${bindings.length}) var<uniform> constants: array<vec4i, ${4 + sources.length}>;
var<workgroup> sourceTile: array<array<${element}, ${sourceLength}>, ${blocks * strips * across}>;
var<workgroup> weightTile: array<array<${element}, ${weightLength}>, ${blocks * 3 * parts}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32(local);
  let size = constants[0];
  let steps = constants[1];
  let counts = constants[2];
  let height = size.x;
  let width = size.y;
  let outBlocks = counts.x;
  let left = (i32(group.x) % size.z) * ${columns};
  let top = ((i32(group.x) / size.z) % size.w) * ${rows};
  let image = i32(group.x) / (size.z * size.w);
  let firstBlock = i32(group.y) * ${vectorsOfTile};
  let column = thread % ${columns};
  let strip = (thread / ${columns}) % ${strips};
  let part = thread / ${columns * strips};
  let outBlock = firstBlock + part * ${vectors};
  ${repeat(vectors, (k) => `let initial${k} = ${spec.initial(`min(outBlock + ${k}, outBlocks - 1)`)}; ${repeat(pixels, (p) => `var ${a(p, k)} = initial${k};`)}`)}
  for (var step = 0; step < counts.y; step++) {
    var source = constants[4];
    ${repeat(sources.length - 1, (i) => `if (step >= constants[${5 + i}].w) { source = constants[${5 + i}]; }`)}
    let first = (step - source.w) * ${blocks};
    workgroupBarrier();
    for (var i = thread; i < ${blocks * strips * (pixels + 2) * across}; i += ${threads}) {
      let c = i % ${across};
      let r = (i / ${across}) % ${pixels + 2};
      let strips = i / ${across * (pixels + 2)};
      let block = first + strips / ${strips};
      let y = top + (strips % ${strips}) * ${pixels} + r - 1;
      let x = left + c - 1;
      var value = vec4f();
      if (block < source.x && y >= 0 && y < height && x >= 0 && x < width) {
        let at = ((image * source.x + block) * height + y) * width + x;
        ${loadSource}
      }
      sourceTile[strips * ${across} + c][r] = ${element}(value);
    }
    for (var i = thread; i < ${blocks * 9 * vectorsOfTile}; i += ${threads}) {
      let v = i % ${vectorsOfTile};
      let tap = (i / ${vectorsOfTile}) % 9;
      let b = i / ${9 * vectorsOfTile};
      let at = source.y + min(first + b, source.x - 1) * steps.z + tap * steps.x + min(firstBlock + v, outBlocks - 1) * steps.w;
      ${repeat(4, (j) => `let w${j} = weights[at + ${j} * steps.y];`)}
      let to = (b * 3 + tap % 3) * ${parts} + v / ${vectors};
      let slot = (tap / 3) * ${4 * vectors} + v % ${vectors};
      ${repeat(4, (row) => `weightTile[to][slot + ${row * vectors}] = ${element}(${weight(row)});`)}
    }
    workgroupBarrier();
    ${blocks === 1 ? "let b = 0; {" : "for (var b = 0; b < constants[3].x; b++) {"}
      for (var dx = 0; dx < counts.w; dx++) {
        let near = (b * ${strips} + strip) * ${across} + column + dx;
        let by = (b * 3 + dx) * ${parts} + part;
        ${repeat(pixels + 2, (r) => `let v${r} = vec4f(sourceTile[near][${r}]);`)}
        ${repeat(12, (t) =>
          repeat(vectors, (k) => {
            const [dy, lane] = [Math.floor(t / 4), t % 4];
            return `{ let w = vec4f(weightTile[by][${t * vectors + k}]);
        ${repeat(pixels, (p) => `${a(p, k)} = fma(vec4f(v${p + dy}[${lane}]), w, ${a(p, k)});`)} }`;
          }),
        )}
      }
    }
  }
  let x = left + column;
  if (x >= width) { return; }
  for (var p = 0; p < counts.z; p++) {
    let y = top + strip * ${pixels} + p;
    if (y < height) {
      ${repeat(
        vectors,
        (k) => `if (outBlock + ${k} < outBlocks) {
        let to = ((image * outBlocks + outBlock + ${k}) * height + y) * width + x;
        let value = ${a(0, k)};
        ${spec.store}
      }`,
      )}
    }
    ${repeat(vectors, (k) => shift(names(k)))}
  }
}`;
  const workgroups = [blocksAcross * blocksDown * images, Math.ceil(outChannels / channels), 1] as const;
  return { wgsl, bindings, constants, workgroups };
}
