import { featureAccess } from "./access";
import type { Extent, Kernel, PartialKernel, SourceSpec, SubgroupMatrix, Target, Variant } from "./kernel";
import {
  bySubgroups,
  ENABLE,
  fetchStaged,
  loadLeft,
  loadRight,
  mainHead,
  multiplyAdd,
  putStaged,
  SIDE,
  type Staged,
  stagedArray,
  stagedHead,
  stagedPlaces,
  stagingOf,
  storeSum,
  unitFor,
  unitName,
  zeroSum,
} from "./matrixUnits";
import { blocksOf, declare, repeat } from "./wgsl";

/** What a workgroup makes: the weights between channels of the source and of the gradient, `rows` × SIDE pixels at a time. */
interface WgradTile {
  readonly inputs: number;
  readonly outputs: number;
  readonly rows: number;
  /** Blocks of SIDE output channels of a subgroup: its 9 taps × SIDE × SIDE · across sums stay in registers. */
  readonly across: 1 | 2;
}

/** The tuner chooses: large ones stage less for each product, small ones leave room for more subgroups and need less memory. */
const CONV_TILES: readonly WgradTile[] = [
  { inputs: 64, outputs: 64, rows: 4, across: 2 },
  { inputs: 64, outputs: 32, rows: 4, across: 1 },
  { inputs: 32, outputs: 64, rows: 4, across: 2 },
  { inputs: 32, outputs: 32, rows: 2, across: 1 },
];
/** Four pixels of the gradient for one of the source. */
const UPCONV_TILES: readonly WgradTile[] = [
  { inputs: 64, outputs: 64, rows: 2, across: 2 },
  { inputs: 64, outputs: 32, rows: 2, across: 1 },
  { inputs: 32, outputs: 32, rows: 2, across: 1 },
  { inputs: 32, outputs: 32, rows: 1, across: 1 },
];

/** ∂weight of a convolution 3×3 (9 taps), or of a transposed one 2×2 (4 taps, whose gradient is twice as large). */
export interface MatrixWgrad extends Extent {
  readonly taps: 9 | 4;
  readonly source: SourceSpec;
  readonly outChannels: number;
  readonly bias: boolean;
}

/** Workgroups that keep a device busy, and the largest scratch that splits may fill. */
const GROUPS = 1024;
const SCRATCH_FLOATS = 1 << 23;

/** The variants of the weight gradient for the device's matrix units. */
export function matrixWgrad(
  spec: MatrixWgrad,
  target: Target,
  figures: (splits: number, partialFloats: number) => Pick<Kernel, "label" | "flops" | "bytes">,
): readonly Variant<PartialKernel>[] {
  const unit = unitFor(spec, target);
  const { channels } = spec.source;
  // The one channel of the network's input would leave the units idle.
  if (unit === null || channels === 1) return [];
  return (spec.taps === 9 ? CONV_TILES : UPCONV_TILES).flatMap((tile) => {
    const { inputs, outputs, rows, across } = tile;
    // Half of a larger tile would be idle.
    if (inputs > 32 && channels <= inputs / 2) return [];
    if (outputs > 32 && spec.outChannels <= outputs / 2) return [];
    const { threads, bytes } = shapeOf(spec, unit, tile, target);
    if (threads > target.maxInvocationsPerWorkgroup || bytes > target.maxWorkgroupBytes) return [];
    return {
      name: `matrix ${unitName(unit)} ${inputs}×${outputs} ${SIDE * rows}px${across === 2 ? " wide" : ""}`,
      build: () => {
        const built = wgradKernel(spec, target, unit, tile);
        return { ...built, ...figures(built.splits, built.partialFloats) };
      },
    };
  });
}

function shapeOf(
  { taps }: MatrixWgrad,
  unit: SubgroupMatrix,
  { inputs, outputs, rows, across }: WgradTile,
  target: Target,
) {
  const [halo, stride] = taps === 9 ? ([1, 1] as const) : ([0, 2] as const);
  const subgroups = ((inputs / SIDE) * outputs) / (SIDE * across);
  const threads = subgroups * unit.lanes;
  const source: Staged = { name: "tile", rows, columns: SIDE, halo, channels: inputs, copies: 1 };
  const gradient: Staged = {
    name: "gradients",
    rows: stride * rows,
    columns: stride * SIDE,
    halo: 0,
    channels: outputs,
    copies: 1,
  };
  const sourceStaging = stagingOf(source, unit, threads);
  const gradientStaging = stagingOf(gradient, unit, threads);
  const bytesWith = (places: number): number =>
    sourceStaging.bytes + gradientStaging.bytes + 4 * lengthOf(places) * subgroups;
  // The lanes' sums of the gradient go the same way as the units' sums.
  const lengthOf = (places: number): number => Math.max(places * unit.m * unit.n, unit.lanes);
  // The sums leave the units one a subgroup at a time; two places that take turns save a barrier.
  const places = bytesWith(2) <= target.maxWorkgroupBytes ? 2 : 1;
  return {
    subgroups,
    threads,
    stride,
    source,
    gradient,
    sourceStaging,
    gradientStaging,
    places,
    drainLength: lengthOf(places),
    bytes: bytesWith(places),
  };
}

/**
 * ∂weight on matrix units: a GEMM of [channels, pixels] · [pixels, outputs] for each tap.
 *
 * Tile: a workgroup makes inputs × outputs channels for all taps; a subgroup SIDE × SIDE · across of them, whose sums it holds
 * in the units' registers while it walks over its pixels. Source (for 3×3 with a halo of one) and gradient are brought into
 * workgroup memory as rows of [pixel][channel]: there the operand of a tap is columns of the source, or every other column of
 * the gradient, at another offset. The threads' registers fetch the next pixels while the units work on these.
 */
function wgradKernel(
  spec: MatrixWgrad,
  target: Target,
  unit: SubgroupMatrix,
  tile: WgradTile,
): Omit<PartialKernel, "label" | "flops" | "bytes"> {
  const { taps, images, height, width, source, outChannels, bias } = spec;
  const { m, n, k } = unit;
  const access = featureAccess(spec, target);
  const shape = shapeOf(spec, unit, tile, target);
  const { subgroups, threads, sourceStaging, gradientStaging, drainLength } = shape;
  const pixel = sourceStaging.stride;
  const tilesAcross = Math.ceil(width / SIDE);
  const tilesDown = Math.ceil(height / tile.rows);
  const tiles = tilesAcross * tilesDown * images;
  const inGroups = Math.ceil(source.channels / tile.inputs);
  const outGroups = Math.ceil(outChannels / tile.outputs);
  const partialFloats = taps * source.channels * outChannels + (bias ? outChannels : 0);
  const wanted = Math.ceil(GROUPS / (inGroups * outGroups));
  const affordable = Math.max(1, Math.floor(SCRATCH_FLOATS / partialFloats));
  const tilesPerSplit = Math.ceil(tiles / Math.min(wanted, affordable, tiles));
  const splits = Math.ceil(tiles / tilesPerSplit);
  const normed = source.normOffset !== null;
  const { text, bindings } = declare(
    [
      ...(normed ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", access.read],
      ["gradient", "read", access.read],
      ["partials", "readWrite", "vec4f"],
    ],
    access,
  );
  const constants = Int32Array.from([
    ...[height, width, tilesAcross, tilesDown],
    ...[blocksOf(source.channels), blocksOf(outChannels), tilesPerSplit, tiles],
    ...[partialFloats / 4, source.normOffset ?? 0, source.channels, 0],
  ]);

  const fetch = (t: string): string => `{
    let image = ${t} / tilesPerImage;
    let left = (${t} % sizes.z) * ${SIDE};
    let top = ((${t} % tilesPerImage) / sizes.z) * ${tile.rows};
    ${stagedPlaces(shape.source, sourceStaging, 1)}
    ${stagedPlaces(shape.gradient, gradientStaging, shape.stride)}
    let start = (image * counts.x + block) * height * width;
    ${fetchStaged(shape.source, sourceStaging, access, "source", "start", "block < counts.x")}
    let gradientStart = (image * counts.y + outBlock) * ${shape.stride ** 2} * height * width;
    ${fetchStaged(shape.gradient, gradientStaging, access, "gradient", "gradientStart", "outBlock < counts.y")}
    ${normed ? repeat(sourceStaging.steps, (j) => `inside${j} = tileAt${j} >= 0;`) : ""}
  }`;
  const seen = (stored: string): string => {
    const loaded = normed ? `fma(${access.load(stored)}, scale, shift)` : access.load(stored);
    return source.relu ? `max(vec4f(), ${loaded})` : loaded;
  };

  const down = SIDE / m;
  const across = (SIDE * tile.across) / n;
  const columns = tile.outputs / (SIDE * tile.across);
  const sums = Array.from({ length: taps * down * across }, (_, index) => ({
    name: `sum${index}`,
    tap: Math.floor(index / (down * across)),
    i: Math.floor(index / across) % down,
    j: index % across,
  }));
  const steps = SIDE / k;
  // A row of the source serves the taps of three rows of the gradient, whose operands stay in registers.
  const meetings =
    taps === 9
      ? Array.from({ length: (tile.rows + 2) * 9 }, (_, index) => {
          const [row, dx, dy] = [Math.floor(index / 9), Math.floor(index / 3) % 3, index % 3];
          return { row, dx, gradientRow: row - dy, gradientDx: 0, tap: 3 * dy + dx };
        }).filter(({ gradientRow }) => gradientRow >= 0 && gradientRow < tile.rows)
      : Array.from({ length: tile.rows * 4 }, (_, index) => {
          const [row, tap] = [index >> 2, index & 3];
          return { row, dx: 0, gradientRow: 2 * row + (tap >> 1), gradientDx: tap & 1, tap };
        });
  const products = (step: number): string => {
    const lines: string[] = [];
    const loaded = new Set<string>();
    const load = (name: string, operand: () => string): string => {
      if (!loaded.has(name)) lines.push(`let ${name} = ${operand()};`);
      loaded.add(name);
      return name;
    };
    const left = ({ row, dx }: (typeof meetings)[number], i: number): string =>
      load(`left${row}_${dx}_${i}`, () => {
        const offset = `${(dx + step * k) * pixel + i * m}u`;
        return loadLeft(unit, "col_major", `tile[firstRow + ${row}u]`, offset, pixel);
      });
    const right = ({ gradientRow, gradientDx }: (typeof meetings)[number], j: number): string =>
      load(`right${gradientRow}_${gradientDx}_${j}`, () => {
        const offset = `${(gradientDx + shape.stride * step * k) * pixel + ((j * n) % SIDE)}u`;
        const row = Math.floor((j * n) / SIDE) * gradientStaging.rows + gradientRow;
        return loadRight(unit, "row_major", `gradients[firstColumn + ${row}u]`, offset, shape.stride * pixel);
      });
    for (const meeting of meetings)
      for (const { name, tap, i, j } of sums)
        if (tap === meeting.tap) {
          const operands = [left(meeting, i), right(meeting, j)] as const;
          lines.push(multiplyAdd(name, ...operands));
        }
    return `{ ${lines.join("\n")} }`;
  };

  const drained = m * n;
  const drain = ({ name, tap, i, j }: (typeof sums)[number], turn: number): string => {
    const place = (turn % shape.places) * drained;
    const items = (drained * subgroups) / 4;
    return `
  ${shape.places === 1 ? "workgroupBarrier();" : ""}
  ${bySubgroups(storeSum("row_major", "drained[subgroup]", `${place}u`, name, n))}
  workgroupBarrier();
  ${repeat(Math.ceil(items / threads), (at) => {
    const item = `(${at * threads}u + index)`;
    return `{ let quad = ${item} % ${n / 4}u;
    let row = (${item} / ${n / 4}u) % ${m}u;
    let origin = (${item} / ${drained / 4}u) % ${subgroups}u;
    let channel = i32(group.x) * ${tile.inputs} + i32(origin / ${columns}u) * ${SIDE} + ${i * m} + i32(row);
    let column = i32(group.y) * ${tile.outputs / 4} + i32(origin % ${columns}u) * ${(SIDE * tile.across) / 4} + ${(j * n) / 4} + i32(quad);
    if (${items % threads === 0 ? "" : `${item} < ${items}u && `}channel < rest.z && column < counts.y) {
      let at = ${place}u + row * ${n}u + quad * 4u;
      partials[split * rest.x + (${tap} * rest.z + channel) * counts.y + column] =
        vec4f(drained[origin][at], drained[origin][at + 1u], drained[origin][at + 2u], drained[origin][at + 3u]);
    } }`;
  })}`;
  };

  // Lanes that share the pixels of a channel in the sums of the gradient.
  const sharers = threads / tile.outputs;
  const { columns: gradientColumns, rows: gradientRows } = shape.gradient;
  const pixelsOfSharer = (gradientColumns * gradientRows) / sharers;
  const wgsl = `${ENABLE}${text}
@group(0) @binding(${bindings.length}) var<uniform> constants: array<vec4i, 3>;
${stagedArray(shape.source, sourceStaging, unit)}
${stagedArray(shape.gradient, gradientStaging, unit)}
var<workgroup> drained: array<array<f32, ${drainLength}>, ${subgroups}>;
${mainHead(unit, subgroups)}
  let sizes = constants[0];
  let counts = constants[1];
  let rest = constants[2];
  let height = sizes.x;
  let width = sizes.y;
  let tilesPerImage = sizes.z * sizes.w;
  let split = i32(group.z);
  ${stagedHead(shape.source, sourceStaging, access)}
  ${stagedHead(shape.gradient, gradientStaging, access)}
  ${normed ? repeat(sourceStaging.steps, (j) => `var inside${j} = false;`) : ""}
  let block = i32(group.x) * ${tile.inputs / 4} + i32(tileQuad);
  let outBlock = i32(group.y) * ${tile.outputs / 4} + i32(gradientsQuad);
  ${
    normed
      ? `let scale = norms[rest.y + min(block, counts.x - 1)];
  let shift = norms[rest.y + counts.x + min(block, counts.x - 1)];`
      : ""
  }
  let firstRow = (subgroup / ${columns}u) * ${sourceStaging.rows}u;
  let firstColumn = (subgroup % ${columns}u) * ${tile.across * gradientStaging.rows}u;
  ${sums.map(({ name }) => `var ${name} = ${zeroSum(unit)};`).join("\n")}
  ${bias ? "var biasSum = 0f;" : ""}
  let end = min((split + 1) * counts.z, counts.w);
  ${fetch("(split * counts.z)")}
  for (var t = split * counts.z; t < end; t++) {
    ${putStaged(shape.source, sourceStaging, unit, "0u", seen, normed ? (j) => `inside${j}` : null)}
    ${putStaged(shape.gradient, gradientStaging, unit, "0u", access.load, null)}
    workgroupBarrier();
    if (t + 1 < end) ${fetch("(t + 1)")}
    ${
      bias
        ? `if (group.x == 0u) { for (var i = 0u; i < ${pixelsOfSharer}u; i++) {
      let pixel = index / ${tile.outputs}u * ${pixelsOfSharer}u + i;
      let channel = index % ${tile.outputs}u;
      biasSum += f32(gradients[channel / ${SIDE}u * ${gradientStaging.rows}u + pixel / ${gradientColumns}u][pixel % ${gradientColumns}u * ${pixel}u + channel % ${SIDE}u]);
    } }`
        : ""
    }
    ${bySubgroups(repeat(steps, products))}
    workgroupBarrier();
  }
  ${sums.map(drain).join("")}
  ${
    bias
      ? `workgroupBarrier();
  drained[index / ${unit.lanes}u][index % ${unit.lanes}u] = biasSum;
  workgroupBarrier();
  let sumBlock = i32(group.y) * ${tile.outputs / 4} + i32(index);
  if (group.x == 0u && index < ${tile.outputs / 4}u && sumBlock < counts.y) {
    var total = vec4f();
    for (var i = 0u; i < ${sharers}u; i++) {
      let first = i * ${tile.outputs}u + index * 4u;
      ${repeat(4, (e) => `total[${e}] += drained[(first + ${e}u) / ${unit.lanes}u][(first + ${e}u) % ${unit.lanes}u];`)}
    }
    partials[split * rest.x + ${taps} * rest.z * counts.y + sumBlock] = total;
  }`
      : ""
  }
}`;
  return {
    wgsl,
    bindings,
    constants,
    workgroups: [inGroups, outGroups, splits],
    splits,
    partialFloats,
  };
}
