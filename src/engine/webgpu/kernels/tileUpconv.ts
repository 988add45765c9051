import type { FeatureAccess } from "./access";
import type { Binding, Extent, SourceSpec, Target } from "./kernel";
import { inHalves, type RankedTile, rankTiles, shift, type TileCost, tileElement } from "./tile";
import { blocksOf, type Declared, declare, pixelsOf, repeat } from "./wgsl";

/** What a workgroup and a thread of `tileUpconv` and `tileUpconvDgrad` make. */
export interface ProductTile {
  /** Threads side by side over pixels, and pixels of each, `lanes` apart. */
  readonly lanes: number;
  readonly pixels: number;
  /** Threads over columns; each makes two blocks of 4. */
  readonly parts: number;
  /** Blocks of 4 numbers of the contraction a step. */
  readonly blocks: number;
  /** Workgroup memory holds halves. */
  readonly halves: boolean;
}

/** Blocks of 4 columns of a thread: of the forward pass the two taps of a row, of ∂source two blocks of channels. */
const VECTORS = 2;
/** Length of a thread's weights in workgroup memory: one vec4 more than needed, so that neighbours use other banks. */
const WEIGHT_LENGTH = 4 * VECTORS + 1;

const tile = (lanes: number, pixels: number, parts: number, blocks: number): ProductTile => ({
  lanes,
  pixels,
  parts,
  blocks,
  halves: false,
});

/** 8 × 8 outputs a thread, or 4 × 8 for small images; within 16 KiB in float32. */
const TILES: readonly ProductTile[] = [
  tile(16, 8, 8, 4),
  tile(32, 8, 8, 2),
  tile(16, 8, 4, 4),
  tile(8, 8, 8, 4),
  tile(16, 4, 8, 4),
  tile(8, 4, 8, 4),
];

/** What a tile takes. */
export function productTileCost(tile: ProductTile): TileCost {
  const { lanes, pixels, parts, blocks } = tile;
  const { bytes } = tileElement(tile.halves);
  return {
    threads: lanes * parts,
    workgroupBytes: bytes * blocks * (lanes * pixels + parts * WEIGHT_LENGTH),
    localBytes: (bytes * (pixels + 4 * VECTORS)) / (16 * pixels * VECTORS),
    copies: (lanes * pixels + 4 * parts * VECTORS) / (16 * lanes * pixels * parts * VECTORS),
  };
}

/** `tile 128px 64ch k16 8×8`: pixels and columns of a workgroup, contraction a step, pixels × columns of a thread. */
export function productTileName({ lanes, pixels, parts, blocks, halves }: ProductTile): string {
  const columns = 4 * VECTORS;
  return `tile ${lanes * pixels}px ${parts * columns}ch k${4 * blocks} ${pixels}×${columns}${halves ? " f16" : ""}`;
}

/** The tiles for a product of `pixels` rows, `columns` blocks of 4 (in `groups` that do not share a workgroup). */
function productTiles(
  spec: Extent,
  {
    columns,
    groups,
    contracted,
  }: { readonly columns: number; readonly groups: number; readonly contracted: number },
  target: Target,
): readonly RankedTile<ProductTile>[] {
  const rows = pixelsOf(spec);
  return rankTiles(
    TILES,
    inHalves(TILES, spec.storage, target, (tile) => ({ ...tile, halves: true })),
    target,
    productTileCost,
    ({ lanes, pixels, parts, blocks }) => {
      const down = Math.ceil(rows / (lanes * pixels));
      const across = Math.ceil(columns / (parts * VECTORS));
      const padded = Math.ceil(contracted / blocks) * blocks;
      const made = down * lanes * pixels * across * parts * VECTORS;
      return { workgroups: [down, across, groups], useful: (rows * columns * contracted) / (made * padded) };
    },
  );
}

/** Tiles for the forward pass: a workgroup makes one row of taps. */
export function upconvTiles(
  spec: Extent,
  channels: number,
  outChannels: number,
  target: Target,
): readonly RankedTile<ProductTile>[] {
  const columns = VECTORS * blocksOf(outChannels);
  return productTiles(spec, { columns, groups: 2, contracted: blocksOf(channels) }, target);
}

/** Tiles for ∂source, which contracts four taps of every channel. */
export function upconvDgradTiles(
  spec: Extent,
  channels: number,
  outChannels: number,
  target: Target,
): readonly RankedTile<ProductTile>[] {
  const contracted = 4 * blocksOf(outChannels);
  return productTiles(spec, { columns: blocksOf(channels), groups: 1, contracted }, target);
}

interface Product extends Extent {
  readonly access: FeatureAccess;
  readonly declared: readonly Declared[];
  /** Blocks of 4 of the contraction. */
  readonly contracted: number;
  /** Blocks of the result, and how many of them a workgroup makes. */
  readonly outBlocks: number;
  readonly outBlocksOfTile: number;
  /** One more number for the text: `extra`. */
  readonly extra: number;
  readonly groups: number;
  /** Value of block `q` at pixel (`image`, `y`, `x`): statements that set `value`. */
  readonly value: string;
  /** Vec4f number j = 0 … 3 of the weights of block `q` for the block of the result that `part` and `k` stand for. */
  readonly weight: (j: number) => string;
  /** These vec4f run over the contraction instead of the result. */
  readonly turned: boolean;
  /** Accumulators at first, and a statement that stores `value`; `block` is the block of the result, k = 0, 1. */
  readonly initial: string;
  readonly block: (k: number | "k") => string;
  readonly store: (k: number) => string;
}

interface Built {
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly constants: Int32Array<ArrayBuffer>;
  readonly workgroups: readonly [number, number, number];
}

/**
 * The transposed convolution 2×2 is a plain matrix product of the pixels of a batch, in one row whatever the size of an image,
 * with the weights: no two taps meet in a pixel, and ∂source contracts the four taps one after the other.
 *
 * A workgroup makes lanes·pixels × 8·parts of it. Per step (8 or 16 numbers of the contraction) it copies both sides to workgroup
 * memory; a thread makes `pixels` pixels, `lanes` apart, so that neighbours read neighbouring vec4, × 8 columns. Per block of 4
 * it reads 8 vec4 of the source and 8 of weights for 256 multiply-adds (1.0 bytes each, as much as workgroup memory
 * gives); 64 accumulators. With 128 pixels × 64 columns a workgroup of 128 threads reads 12.3 kB for 131,072 multiply-adds (21 FLOP
 * a byte) between two barriers and holds 12,800 bytes. Sizes come from a uniform.
 */
function tileProduct(product: Product, tile: ProductTile): Built {
  const { height, width, access, contracted, outBlocks } = product;
  const { lanes, pixels, parts, blocks } = tile;
  const threads = lanes * parts;
  const { element } = tileElement(tile.halves);
  const total = pixelsOf(product);
  const steps = Math.ceil(contracted / blocks);
  const { text, bindings } = declare(product.declared, access);
  const constants = Int32Array.from([
    ...[height, width, height * width, total],
    ...[contracted, outBlocks, steps, blocks],
    ...[pixels, product.extra, 0, 0],
  ]);
  const a = (p: number, k: number): string => `a${p}_${k}`;
  const each = (line: (p: number, k: number) => string): string =>
    repeat(VECTORS, (k) => repeat(pixels, (p) => line(p, k)));
  const names = (k: number): string[] => Array.from({ length: pixels }, (_, p) => a(p, k));
  const weight = (row: number): string =>
    product.turned ? `vec4f(${[0, 1, 2, 3].map((j) => `w${j}[${row}]`).join()})` : `w${row}`;
  const find = `let image = pixel / plane;
      let y = (pixel % plane) / width;
      let x = pixel % width;`;
  const wgsl = `${text}
@group(0) @binding(${bindings.length}) var<uniform> constants: array<vec4i, 3>;
var<workgroup> sourceTile: array<array<array<${element}, ${lanes}>, ${pixels}>, ${blocks}>;
var<workgroup> weightTile: array<array<${element}, ${WEIGHT_LENGTH}>, ${blocks * parts}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32(local);
  let height = constants[0].x;
  let width = constants[0].y;
  let plane = constants[0].z;
  let contracted = constants[1].x;
  let outBlocks = constants[1].y;
  let extra = constants[2].y;
  let lane = thread % ${lanes};
  let ownPart = thread / ${lanes};
  let firstPixel = i32(group.x) * ${lanes * pixels};
  let firstBlock = i32(group.y) * ${product.outBlocksOfTile};
  let dy = i32(group.z);
  ${repeat(VECTORS, (k) => `let initial${k} = ${product.initial};`)}
  ${each((p, k) => `var ${a(p, k)} = initial${k};`)}
  for (var step = 0; step < constants[1].z; step++) {
    workgroupBarrier();
    for (var i = thread; i < ${blocks * lanes * pixels}; i += ${threads}) {
      let p = i % ${lanes * pixels};
      let b = i / ${lanes * pixels};
      let q = step * ${blocks} + b;
      let pixel = firstPixel + p;
      ${find}
      var value = vec4f();
      if (q < contracted && pixel < constants[0].w) { ${product.value} }
      sourceTile[b][p / ${lanes}][p % ${lanes}] = ${element}(value);
    }
    for (var i = thread; i < ${blocks * parts * VECTORS}; i += ${threads}) {
      let part = i % ${parts};
      let k = (i / ${parts}) % ${VECTORS};
      let b = i / ${parts * VECTORS};
      let q = min(step * ${blocks} + b, contracted - 1);
      let block = min(${product.block("k")}, outBlocks - 1);
      ${repeat(4, (j) => `let w${j} = weights[${product.weight(j)}];`)}
      let to = b * ${parts} + part;
      ${repeat(4, (row) => `weightTile[to][${row * VECTORS} + k] = ${element}(${weight(row)});`)}
    }
    workgroupBarrier();
    for (var b = 0; b < constants[1].w; b++) {
      ${repeat(pixels, (p) => `let v${p} = vec4f(sourceTile[b][${p}][lane]);`)}
      let by = b * ${parts} + ownPart;
      ${repeat(4, (row) =>
        repeat(
          VECTORS,
          (k) => `{ let w = vec4f(weightTile[by][${row * VECTORS + k}]);
      ${repeat(pixels, (p) => `${a(p, k)} = fma(vec4f(v${p}[${row}]), w, ${a(p, k)});`)} }`,
        ),
      )}
    }
  }
  let part = ownPart;
  for (var p = 0; p < constants[2].x; p++) {
    let pixel = firstPixel + p * ${lanes} + lane;
    if (pixel < constants[0].w) {
      ${find}
      ${repeat(
        VECTORS,
        (k) => `{ let block = ${product.block(k)}; let value = ${a(0, k)};
      if (block < outBlocks) { ${product.store(k)} } }`,
      )}
    }
    ${repeat(VECTORS, (k) => shift(names(k)))}
  }
}`;
  const workgroups = [
    Math.ceil(total / (lanes * pixels)),
    Math.ceil(outBlocks / product.outBlocksOfTile),
    product.groups,
  ] as const;
  return { wgsl, bindings, constants, workgroups };
}

/** Forward; the two columns of a thread are the taps of row `dy`, the third dimension of the dispatch. */
export function tileUpconv(
  spec: Extent & { readonly source: SourceSpec; readonly outChannels: number },
  access: FeatureAccess,
  tile: ProductTile,
): Built {
  const { source, outChannels } = spec;
  const { normOffset } = source;
  const stored = access.load("source[(image * contracted + q) * plane + y * width + x]");
  const moved =
    normOffset === null ? stored : `fma(${stored}, norms[extra + q], norms[extra + contracted + q])`;
  return tileProduct(
    {
      ...spec,
      access,
      declared: [
        ["weights", "read", "vec4f"],
        ["bias", "read", "vec4f"],
        ...(normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
        ["source", "read", access.read],
        ["output", "readWrite", access.readWrite],
      ],
      contracted: blocksOf(source.channels),
      outBlocks: blocksOf(outChannels),
      outBlocksOfTile: tile.parts,
      extra: normOffset ?? 0,
      groups: 2,
      value: `value = ${source.relu ? `max(vec4f(), ${moved})` : moved};`,
      weight: (j) => `(((dy * 2 + k) * contracted + q) * 4 + ${j}) * outBlocks + block`,
      turned: false,
      initial: "bias[min(firstBlock + ownPart, outBlocks - 1)]",
      block: () => "firstBlock + part",
      store: (k) =>
        `output[((image * outBlocks + block) * 2 * height + 2 * y + dy) * 2 * width + 2 * x + ${k}] = ${access.store("value")};`,
    },
    tile,
  );
}

/** ∂source; block `q` of the contraction is tap q % 4 of block q / 4 of the gradient's channels. */
export function tileUpconvDgrad(
  spec: Extent & { readonly channels: number; readonly outChannels: number; readonly accumulate: boolean },
  access: FeatureAccess,
  tile: ProductTile,
): Built {
  const gradientBlocks = blocksOf(spec.outChannels);
  const at =
    "((image * extra + (q >> 2)) * 2 * height + 2 * y + ((q >> 1) & 1)) * 2 * width + 2 * x + (q & 1)";
  const place = "output[(image * outBlocks + block) * plane + y * width + x]";
  return tileProduct(
    {
      ...spec,
      access,
      declared: [
        ["weights", "read", "vec4f"],
        ["gradient", "read", access.read],
        ["output", "readWrite", access.readWrite],
      ],
      contracted: 4 * gradientBlocks,
      outBlocks: blocksOf(spec.channels),
      outBlocksOfTile: tile.parts * VECTORS,
      extra: gradientBlocks,
      groups: 1,
      value: `value = ${access.load(`gradient[${at}]`)};`,
      weight: (j) => `(((q & 3) * outBlocks + block) * 4 + ${j}) * extra + (q >> 2)`,
      turned: true,
      initial: "vec4f()",
      block: (k) => `firstBlock + ${k} * ${tile.parts} + part`,
      store: () =>
        `${place} = ${access.store(spec.accumulate ? `${access.loadOwn(place)} + value` : "value")};`,
    },
    tile,
  );
}
