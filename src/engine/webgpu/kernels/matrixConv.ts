import { type FeatureAccess, featureAccess } from "./access";
import type {
  ConvDgradSpec,
  ConvForwardSpec,
  Extent,
  Kernel,
  SourceSpec,
  SubgroupMatrix,
  Target,
  Variant,
} from "./kernel";
import {
  bySubgroups,
  bytesOfComponent,
  ENABLE,
  loadLeft,
  loadRight,
  mainHead,
  multiplyAdd,
  SIDE,
  type StagedFeature,
  SUBGROUPS,
  stagedLength,
  stagedWidth,
  stageFeature,
  storeOperands,
  storeSum,
  strideOf,
  unitFor,
  unitName,
  zeroSum,
} from "./matrixUnits";
import { blocksOf, type Declared, declare, elementOf, repeat } from "./wgsl";

/** What a workgroup makes: SIDE × `rows` pixels, and channels. */
interface MatrixTile {
  readonly rows: number;
  readonly outputs: number;
}

/** The tuner chooses: large ones load less, small ones keep a device busy where images are small, and need less memory. */
const TILES: readonly MatrixTile[] = [
  { rows: 4, outputs: 64 },
  { rows: 8, outputs: 64 },
  { rows: 4, outputs: 32 },
  { rows: 2, outputs: 32 },
];

type Figures = Pick<Kernel, "label" | "flops" | "bytes">;

interface MatrixConv extends Extent {
  readonly unit: SubgroupMatrix;
  readonly tile: MatrixTile;
  readonly access: FeatureAccess;
  /** What is contracted, with the names of the bindings. */
  readonly sources: readonly { readonly name: string; readonly source: SourceSpec }[];
  readonly outChannels: number;
  /** Bindings besides `weights`, `norms` and sources, in their place before and behind the sources. */
  readonly before: readonly Declared[];
  readonly after: readonly Declared[];
  /** WGSL that fills `taps` [dx][SIDE][outputs] for the row of taps `dy` and the channels of `chunk` of source `index`. */
  readonly stageTaps: (index: number) => string;
  /** Statement that stores `value` of channel block `block` at `to` of `output`. */
  readonly store: string;
}

/** The variants of the forward convolution for the device's matrix units; see `matrixConv`. */
export function matrixForward(
  spec: ConvForwardSpec,
  target: Target,
  figures: Figures,
): readonly Variant<Kernel>[] {
  const { sources, outChannels } = spec;
  // A contraction over the one channel of the network's input would leave the units idle.
  if (sources.some(({ channels }) => channels === 1)) return [];
  const access = featureAccess(spec, target);
  const outBlocks = blocksOf(outChannels);
  const inChannels = sources.reduce((sum, { channels }) => sum + channels, 0);
  return variants(spec, target, figures, (unit, tile) => ({
    ...spec,
    unit,
    tile,
    access,
    sources: sources.map((source, index) => ({ name: `source${index}`, source })),
    before: [["bias", "read", "vec4f"]],
    after: [["output", "readWrite", access.readWrite]],
    stageTaps: (index) => {
      const first = sources.slice(0, index).reduce((sum, { channels }) => sum + channels, 0);
      const quads = tile.outputs / 4;
      return `for (var i = local; i < ${3 * SIDE * quads}; i += ${SUBGROUPS * unit.lanes}) {
  let quad = i % ${quads};
  let row = i / ${quads};
  let channel = chunk * ${SIDE} + row % ${SIDE};
  let block = firstBlock + quad;
  var value = vec4f();
  if (channel < ${sources[index]?.channels ?? 0} && block < ${outBlocks}) {
    value = weights[((dy * 3 + row / ${SIDE}) * ${inChannels} + ${first} + channel) * ${outBlocks} + block];
  }
  let at = row * ${strideOf(tile.outputs, unit)} + quad * 4;
  ${storeOperands("taps", "value", unit)}
}`;
    },
    store: `output[to] = ${access.store(spec.relu ? "max(vec4f(), value + bias[block])" : "value + bias[block]")};`,
  }));
}

/**
 * The variants of ∂source: the forward convolution of the gradient with the weight turned by 180°, whose 4 × 1 pieces are
 * transposed on their way into workgroup memory.
 */
export function matrixDgrad(
  spec: ConvDgradSpec,
  target: Target,
  figures: Figures,
): readonly Variant<Kernel>[] {
  const { inChannels, firstChannel, channels, outChannels } = spec;
  const access = featureAccess(spec, target);
  const outBlocks = blocksOf(outChannels);
  const passed = spec.mask ? `select(vec4f(), value, ${access.load("mask[to]")} > vec4f())` : "value";
  return variants({ ...spec, outChannels: channels }, target, figures, (unit, tile) => ({
    ...spec,
    unit,
    tile,
    access,
    outChannels: channels,
    sources: [{ name: "gradient", source: { channels: outChannels, normOffset: null, relu: false } }],
    before: [],
    after: [
      ...(spec.mask ? [["mask", "read", access.read] as const] : []),
      ["output", "readWrite", access.readWrite],
    ],
    stageTaps:
      () => `for (var i = local; i < ${3 * tile.outputs * (SIDE / 4)}; i += ${SUBGROUPS * unit.lanes}) {
  let quad = i % ${SIDE / 4};
  let column = (i / ${SIDE / 4}) % ${tile.outputs};
  let dx = i / ${(SIDE / 4) * tile.outputs};
  let block = chunk * ${SIDE / 4} + quad;
  let channel = firstBlock * 4 + column;
  var value = vec4f();
  if (block < ${outBlocks} && channel < ${channels}) {
    value = weights[((8 - dy * 3 - dx) * ${inChannels} + ${firstChannel} + channel) * ${outBlocks} + block];
  }
  let at = (dx * ${SIDE} + quad * 4) * ${strideOf(tile.outputs, unit)} + column;
  ${storeOperands("taps", "value", unit, strideOf(tile.outputs, unit))}
}`,
    store: `output[to] = ${access.store(spec.accumulate ? `${access.loadOwn("output[to]")} + ${passed}` : passed)};`,
  }));
}

function variants(
  spec: Extent & { readonly outChannels: number },
  target: Target,
  figures: Figures,
  convOf: (unit: SubgroupMatrix, tile: MatrixTile) => MatrixConv,
): readonly Variant<Kernel>[] {
  const unit = unitFor(spec, target);
  if (unit === null) return [];
  return TILES.filter(
    (tile) =>
      // Half of a larger tile would be idle.
      (tile.outputs === 32 || spec.outChannels > 32) &&
      (tile.rows === 2 || spec.height > tile.rows / 2) &&
      bytesOf(unit, tile) <= target.maxWorkgroupBytes,
  ).map((tile) => ({
    name: `matrix ${unitName(unit)} ${SIDE * tile.rows}×${tile.outputs}`,
    build: () => ({ ...matrixConv(convOf(unit, tile)), ...figures }),
  }));
}

function stagedOf({ rows }: MatrixTile): StagedFeature {
  return { array: "tile", rows, halo: 1, channels: SIDE };
}

function tapsLength({ outputs }: MatrixTile, unit: SubgroupMatrix): number {
  return 3 * SIDE * strideOf(outputs, unit);
}

/** Workgroup memory. */
function bytesOf(unit: SubgroupMatrix, tile: MatrixTile): number {
  const operands = stagedLength(stagedOf(tile), unit) + tapsLength(tile, unit);
  return bytesOfComponent(unit) * operands + 4 * SUBGROUPS * unit.m * unit.n;
}

/**
 * 3×3 convolution on matrix units: an implicit GEMM of [pixels, taps · channels] · [taps · channels, outputs].
 *
 * Tile: a workgroup of four subgroups makes SIDE × rows pixels × `outputs` channels, each subgroup a quarter, whose sums it
 * holds in the units' registers. A step is SIDE channels of a source: their pixels with a halo of one are brought into workgroup
 * memory once, normalised, and serve all nine taps, because the left operand of a tap is the same memory at another
 * offset. The weights follow a row of taps at a time. Both are converted to the units' type on the way. The sums go
 * through workgroup memory, a unit's at a time, to the epilogue.
 */
function matrixConv(spec: MatrixConv): Pick<Kernel, "wgsl" | "bindings" | "workgroups"> {
  const { images, height, width, unit, tile, access, sources, outChannels } = spec;
  const { m, n, k, component, lanes } = unit;
  const staged = stagedOf(tile);
  const stride = strideOf(SIDE, unit);
  const tapStride = strideOf(tile.outputs, unit);
  const blocks = blocksOf(outChannels);
  const tilesPerRow = Math.ceil(width / SIDE);
  const normed = sources.some(({ source }) => source.normOffset !== null);
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ...spec.before,
      ...(normed ? [["norms", "read", "vec4f"] as const] : []),
      ...sources.map(({ name, source }) => [name, "read", elementOf(source, access)] as const),
      ...spec.after,
    ],
    access,
  );
  // A subgroup's quarter in units: `rows` × `across` times m pixels, `columns` times n channels.
  const rows = tile.rows / 2;
  const across = SIDE / m;
  const columns = tile.outputs / 2 / n;
  const sums = Array.from({ length: rows * across * columns }, (_, i) => ({
    name: `sum${i}`,
    row: Math.floor(i / (across * columns)),
    part: Math.floor(i / columns) % across,
    column: i % columns,
  }));
  const lefts = Array.from({ length: rows * across }, (_, i) => i);
  const step = (first: number): string => `
      ${lefts
        .map((i) => {
          const at = (Math.floor(i / across) * stagedWidth(staged) + (i % across) * m) * stride + first;
          return `let left${i} = ${loadLeft(unit, "row_major", "tile", `leftAt + ${at}u`, stride)};`;
        })
        .join("\n")}
      ${repeat(columns, (i) => `let right${i} = ${loadRight(unit, "taps", `rightAt + ${first * tapStride + i * n}u`, tapStride)};`)}
      ${sums.map(({ name, row, part, column }) => multiplyAdd(name, `left${row * across + part}`, `right${column}`)).join("\n")}`;
  const contraction = ({ name, source }: MatrixConv["sources"][number], index: number): string => `
  for (var chunk = 0; chunk < ${Math.ceil(source.channels / SIDE)}; chunk++) {
    workgroupBarrier();
    ${stageFeature(staged, unit, spec, name, source, access, `chunk * ${SIDE / 4}`)}
    for (var dy = 0; dy < 3; dy++) {
      if (dy > 0) { workgroupBarrier(); }
      ${spec.stageTaps(index)}
      workgroupBarrier();
      ${bySubgroups(`for (var dx = 0u; dx < 3u; dx++) {
        let leftAt = (((subgroup / 2u) * ${rows}u + u32(dy)) * ${stagedWidth(staged)}u + dx) * ${stride}u;
        let rightAt = dx * ${SIDE * tapStride}u + (subgroup % 2u) * ${tile.outputs / 2}u;
        ${repeat(SIDE / k, (i) => `{ ${step(i * k)} }`)}
      }`)}
    }
  }`;
  const wgsl = `${ENABLE}${text}
var<workgroup> tile: array<${component}, ${stagedLength(staged, unit)}>;
var<workgroup> taps: array<${component}, ${tapsLength(tile, unit)}>;
var<workgroup> drained: array<f32, ${SUBGROUPS * m * n}>;
// Stores one sum of every subgroup, [channel][pixel] in \`drained\`: that whose first pixel and block in the quarter are given.
fn drain(local: i32, image: i32, left: i32, top: i32, firstBlock: i32) {
  for (var i = local; i < ${(SUBGROUPS * m * n) / 4}; i += ${SUBGROUPS * lanes}) {
    let pixel = i % ${m};
    let quad = (i / ${m}) % ${n / 4};
    let quarter = i / ${(m * n) / 4};
    let x = left + pixel;
    let y = top + (quarter / 2) * ${rows};
    let block = firstBlock + (quarter % 2) * ${tile.outputs / 8} + quad;
    if (x < ${width} && y < ${height} && block < ${blocks}) {
      let first = quarter * ${m * n} + quad * ${4 * m} + pixel;
      let value = vec4f(drained[first], drained[first + ${m}], drained[first + ${2 * m}], drained[first + ${3 * m}]);
      let to = ((image * ${blocks} + block) * ${height} + y) * ${width} + x;
      ${spec.store}
    }
  }
}
${mainHead(unit)}
  let left = (i32(group.x) % ${tilesPerRow}) * ${SIDE};
  let top = (i32(group.x) / ${tilesPerRow}) * ${tile.rows};
  let firstBlock = i32(group.y) * ${tile.outputs / 4};
  let image = i32(group.z);
  ${sums.map(({ name }) => `var ${name} = ${zeroSum(unit)};`).join("\n")}
  ${sources.map(contraction).join("\n")}
  ${sums
    .map(
      ({ name, row, part, column }) => `
  ${bySubgroups(storeSum("col_major", "drained", `subgroup * ${m * n}u`, name, m))}
  workgroupBarrier();
  drain(local, image, left + ${part * m}, top + ${row}, firstBlock + ${(column * n) / 4});
  workgroupBarrier();`,
    )
    .join("")}
}`;
  return {
    wgsl,
    bindings,
    workgroups: [tilesPerRow * Math.ceil(height / tile.rows), Math.ceil((4 * blocks) / tile.outputs), images],
  };
}
