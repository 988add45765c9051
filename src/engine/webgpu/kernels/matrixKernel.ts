import type { FeatureAccess } from "./access";
import type { Extent, Kernel, SourceSpec, SubgroupMatrix, Target, Variant } from "./kernel";
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
  type Staging,
  stagedArray,
  stagedHead,
  stagedPlaces,
  stagingOf,
  storeSum,
  unitFor,
  unitName,
  zeroSum,
} from "./matrixUnits";
import { type PackedWeights, packWeights, sidesOf } from "./packWeights";
import { blocksOf, type Declared, declare, repeat } from "./wgsl";

/** What a workgroup makes: SIDE × `rows` pixels, and channels; a subgroup makes half of the rows and 32 of the channels. */
export interface MatrixTile {
  readonly rows: number;
  readonly outputs: number;
}

/** Channels of a subgroup. */
const OUTPUTS = 2 * SIDE;

/** A tap: its place in the weights, where it reads from a pixel's first staged one on, and which of its outputs it adds to. */
export interface MatrixTap {
  readonly index: number;
  readonly dy: number;
  readonly dx: number;
  readonly output: number;
}

/** How pixels made and pixels read lie to each other. */
export interface MatrixGeometry {
  /** Pixels read around a tile. */
  readonly halo: 0 | 1;
  /** Pixels read per pixel of a row, and rows read per row. */
  readonly stride: 1 | 2;
  /** Neighbours that read the same pixels stand together. */
  readonly taps: readonly MatrixTap[];
  /** A pixel's outputs: 1, or 4 that become a block of 2×2 pixels. */
  readonly outputs: 1 | 4;
}

export type Figures = Pick<Kernel, "label" | "flops" | "bytes">;

/** Convolution as a matrix product. The extent is that of the pixels made, before `outputs`. */
export interface MatrixProduct extends Extent {
  readonly geometry: MatrixGeometry;
  readonly access: FeatureAccess;
  /** What is contracted, with the names of the bindings. */
  readonly sources: readonly { readonly name: string; readonly source: SourceSpec }[];
  readonly outChannels: number;
  readonly weights: Omit<PackedWeights, "component" | "contracted" | "made">;
  /** Bindings besides the weights, `norms` and sources, in their place before and behind the sources. */
  readonly before: readonly Declared[];
  readonly after: readonly Declared[];
  /** Statement that stores `value` of channel block `block` at `to` of `output`. */
  readonly store: string;
}

/** Workgroups for every core of a large GPU: the default is the first tile that makes as many. */
const ENOUGH_GROUPS = 128;

/** The tiles that a device can run, in the order given where they keep it busy; the others behind them, smallest first. */
export function matrixVariants(
  product: MatrixProduct,
  target: Target,
  figures: Figures,
  tiles: readonly MatrixTile[],
): readonly Variant<Kernel>[] {
  const unit = unitFor(product, target);
  if (unit === null) return [];
  const isEnough = (tile: MatrixTile): boolean =>
    groupsOf(product, tile).reduce((count, each) => count * each) >= ENOUGH_GROUPS;
  const ordered = [...tiles.filter(isEnough), ...tiles.filter((tile) => !isEnough(tile)).reverse()];
  return ordered.flatMap((tile) => {
    // Half of a larger tile would be idle.
    const idle =
      (tile.outputs > OUTPUTS && product.outChannels <= tile.outputs / 2) ||
      (tile.rows > 4 && product.height <= tile.rows / 2);
    const drain = idle ? null : drainFor(unit, product.geometry, tile, target);
    if (drain === null) return [];
    return {
      name: `matrix ${unitName(unit)} ${SIDE * tile.rows}×${tile.outputs}`,
      build: () => ({ ...matrixKernel(product, unit, tile, drain), ...figures }),
    };
  });
}

/** Workgroups in x, y and z. */
function groupsOf(
  { images, height, width, outChannels }: MatrixProduct,
  { rows, outputs }: MatrixTile,
): readonly [number, number, number] {
  const tiles = Math.ceil(width / SIDE) * Math.ceil(height / rows);
  return [tiles, Math.ceil(outChannels / outputs), images];
}

function subgroupsOf({ outputs }: MatrixTile): number {
  return (2 * outputs) / OUTPUTS;
}

function stagedOf({ halo, stride }: MatrixGeometry, { rows }: MatrixTile): Staged {
  return { name: "tile", rows: stride * rows, columns: stride * SIDE, halo, channels: SIDE, copies: 2 };
}

function stagingFor(unit: SubgroupMatrix, geometry: MatrixGeometry, tile: MatrixTile): Staging {
  return stagingOf(stagedOf(geometry, tile), unit, subgroupsOf(tile) * unit.lanes);
}

/** Way of a subgroup's sums out of the units: neighbours that go together, and places that take turns to save a barrier. */
interface Drain {
  readonly sums: 1 | 2;
  readonly places: 1 | 2;
}

/** As much as workgroup memory allows; null: none. */
function drainFor(
  unit: SubgroupMatrix,
  geometry: MatrixGeometry,
  tile: MatrixTile,
  target: Target,
): Drain | null {
  const subgroups = subgroupsOf(tile);
  if (subgroups * unit.lanes > target.maxInvocationsPerWorkgroup) return null;
  const { bytes } = stagingFor(unit, geometry, tile);
  const ways: readonly Drain[] = [
    { sums: 2, places: 2 },
    { sums: 1, places: 2 },
    { sums: 1, places: 1 },
  ];
  const fits = (way: Drain): boolean =>
    bytes + 4 * drainLength(unit, way) * subgroups <= target.maxWorkgroupBytes;
  return ways.find(fits) ?? null;
}

/** Numbers of a subgroup on their way out. */
function drainLength({ m, n }: SubgroupMatrix, { sums, places }: Drain): number {
  return places * sums * m * n;
}

/**
 * Convolution on matrix units: an implicit GEMM of [pixels, taps · channels] · [taps · channels, outputs].
 *
 * Tile: a workgroup makes SIDE × rows pixels × `outputs` channels; a subgroup half of the rows × 32 channels, whose sums it
 * holds in the units' registers. A step is SIDE channels of a source. Their pixels, for 3×3 with a halo of one, are brought into
 * workgroup memory once, normalised and converted to the units' type, and serve all taps: the left operand of a tap is the same
 * memory at another offset, and one load of it serves all taps that read the same pixels. While the units work on one
 * copy, the threads' registers wait for the next step's pixels, which then fill the other copy: one barrier a step. Weights do
 * not pass through workgroup memory: `packWeights` lays them out as operands, which subgroups load a tap ahead. The sums go
 * through workgroup memory, a few at a time, to the epilogue.
 *
 * 3×3, 128 pixels × 64 channels: a thread reads 6 blocks of four channels and a subgroup 18 KiB of weights (in halves) a step,
 * for 1.2 million multiply-adds of the workgroup: 5 bytes of the source and 31 of the weights per 1,000, nearly all from
 * the cache. Sizes come from a uniform, so that layers share a pipeline.
 */
function matrixKernel(
  product: MatrixProduct,
  unit: SubgroupMatrix,
  tile: MatrixTile,
  way: Drain,
): Omit<Kernel, keyof Figures> {
  const { height, width, access, sources, outChannels, geometry } = product;
  const { stride } = geometry;
  const { m, n, k, component } = unit;
  const subgroups = subgroupsOf(tile);
  const threads = subgroups * unit.lanes;
  const columns = tile.outputs / OUTPUTS;
  const staged = stagedOf(geometry, tile);
  const staging = stagingFor(unit, geometry, tile);
  const prelude = packWeights({
    ...product.weights,
    component,
    contracted: sources.map(({ source }) => source.channels),
    made: outChannels,
  });
  const normed = sources.some(({ source }) => source.normOffset !== null);
  const rectified = sources.some(({ source }) => source.relu);
  const { text, bindings } = declare(
    [
      ["packed", "read", component],
      ...product.before,
      ...(normed ? [["norms", "read", "vec4f"] as const] : []),
      ...sources.map(({ name }) => [name, "read", access.read] as const),
      ...product.after,
    ],
    access,
  );
  /** The first step of each source, and the end. */
  const begins = [0];
  for (const { source } of sources) begins.push((begins.at(-1) as number) + sidesOf(source.channels));
  const tilesAcross = Math.ceil(width / SIDE);
  const constants = Int32Array.from([
    ...[height, width, tilesAcross, blocksOf(outChannels)],
    ...[begins.at(-1) as number, sidesOf(outChannels), 0, 0],
    ...sources.flatMap(({ source }, index) => [
      blocksOf(source.channels),
      begins[index] as number,
      source.normOffset ?? -1,
      source.relu ? 1 : 0,
    ]),
  ]);

  const fetch = (step: string): string => `{
    var part = constants[2];
    ${repeat(sources.length - 1, (i) => `if (${step} >= constants[${3 + i}].y) { part = constants[${3 + i}]; }`)}
    let block = (${step} - part.y) * ${SIDE / 4} + i32(tileQuad);
    let start = (image * part.x + block) * ${stride * stride} * height * width;
    let exists = block < part.x;
    ${sources
      .map(({ name }, index) => {
        const last = index === sources.length - 1;
        const body = fetchStaged(staged, staging, access, name, "start", "exists");
        return last ? `{ ${body} }` : `if (${step} < constants[${3 + index}].y) { ${body} } else`;
      })
      .join(" ")}
    ${
      normed
        ? `scale = vec4f(1);
    shift = vec4f();
    if (part.z >= 0 && exists) { scale = norms[part.z + block]; shift = norms[part.z + part.x + block]; }`
        : ""
    }
    ${rectified ? "rectifies = part.w == 1;" : ""}
  }`;
  const seen = (stored: string): string => {
    const loaded = normed ? `fma(${access.load(stored)}, scale, shift)` : access.load(stored);
    // Not a maximum alone: what is not rectified must keep its NaN, the mark of an overflow.
    return rectified ? `rectify(${loaded}, rectifies)` : loaded;
  };
  const put = (step: string): string =>
    putStaged(staged, staging, unit, `(u32(${step}) % 2u)`, seen, normed ? (j) => `tileAt${j} >= 0` : null);

  const rows = tile.rows / 2;
  const parts = SIDE / m;
  const made = OUTPUTS / n;
  const steps = SIDE / k;
  const sums = Array.from({ length: geometry.outputs * rows * parts * made }, (_, i) => ({
    name: `sum${i}`,
    output: Math.floor(i / (rows * parts * made)),
    row: Math.floor(i / (parts * made)) % rows,
    part: Math.floor(i / made) % parts,
    column: i % made,
  }));
  const right = (turn: number, column: number, step: number): string => `right${turn}_${column}_${step}`;
  const operands = Array.from({ length: made * steps }, (_, i) => ({
    column: Math.floor(i / steps),
    step: i % steps,
  }));
  /** Weights of the tap at a turn, of step `chunk` (WGSL). */
  const loadRights = (turn: number, chunk: string, keyword: "let" | "var" | ""): string =>
    operands
      .map(({ column, step }) => {
        const tap = geometry.taps[turn]?.index ?? 0;
        const side = `(${tap} * counts.x + ${chunk}) * counts.y + firstSide + ${Math.floor((column * n) / SIDE)}`;
        const inside = ((column * n) % SIDE) * SIDE + step * k;
        const offset = `u32((${side}) * ${SIDE * SIDE}) + ${inside}u`;
        return `${keyword} ${right(turn, column, step)} = ${loadRight(unit, "col_major", "packed", offset, SIDE)};`;
      })
      .join("\n");
  const left = (row: number, dx: number, part: number, step: number): string =>
    `left${row}_${dx}_${part}_${step}`;
  const loaded = new Set<string>();
  const turns = geometry.taps.map(({ dy, dx, output }, turn) => {
    const own = sums.filter((sum) => sum.output === output);
    const lines: string[] = [];
    for (const { row, part } of own)
      for (let step = 0; step < steps; step++) {
        const stagedRow = stride * row + dy;
        const name = left(stagedRow, dx, part, step);
        if (loaded.has(name)) continue;
        loaded.add(name);
        const offset = `${(dx + stride * part * m) * staging.stride + step * k}u`;
        const from = `tile[firstRow + ${stagedRow}u]`;
        lines.push(`let ${name} = ${loadLeft(unit, "row_major", from, offset, stride * staging.stride)};`);
      }
    // A tap ahead; behind the last one come the first weights of the next step (past the end they are not used).
    const isLast = turn + 1 === geometry.taps.length;
    lines.push(isLast ? loadRights(0, "(chunk + 1)", "") : loadRights(turn + 1, "chunk", "let"));
    for (let step = 0; step < steps; step++)
      for (const { name, row, part, column } of own)
        lines.push(multiplyAdd(name, left(stride * row + dy, dx, part, step), right(turn, column, step)));
    return lines.join("\n");
  });

  const drainedNumbers = way.sums * m * n;
  const batches = Array.from({ length: sums.length / way.sums }, (_, index) => ({
    members: sums.slice(index * way.sums, (index + 1) * way.sums),
    place: (index % way.places) * drainedNumbers,
  }));
  const items = (drainedNumbers * subgroups) / 4;
  const drain = ({ members, place }: (typeof batches)[number]): string => {
    const [first] = members as [(typeof sums)[number]];
    return `
  ${way.places === 1 ? "workgroupBarrier();" : ""}
  ${bySubgroups(repeat(members.length, (i) => storeSum("col_major", "drained[subgroup]", `${place + i * m * n}u`, (members[i] as (typeof sums)[number]).name, m)))}
  workgroupBarrier();
  ${repeat(Math.ceil(items / threads), (i) => {
    const item = `(${i * threads}u + index)`;
    return `{ let pixel = ${item} % ${m}u;
    let quad = (${item} / ${m}u) % ${n / 4}u;
    let sum = (${item} / ${(m * n) / 4}u) % ${way.sums}u;
    let origin = (${item} / ${drainedNumbers / 4}u) % ${subgroups}u;
    let x = left + ${first.part * m} + i32(pixel);
    let y = top + i32(origin / ${columns}u) * ${rows} + ${first.row};
    let block = firstBlock + i32((origin % ${columns}u) * ${OUTPUTS / 4}u + (${first.column}u + sum) * ${n / 4}u + quad);
    if (${items % threads === 0 ? "" : `${item} < ${items}u && `}x < width && y < height && block < blocks) {
      let at = ${place}u + sum * ${m * n}u + quad * ${4 * m}u + pixel;
      let value = vec4f(drained[origin][at], drained[origin][at + ${m}u], drained[origin][at + ${2 * m}u], drained[origin][at + ${3 * m}u]);
      let to = ${
        geometry.outputs === 1
          ? "((image * blocks + block) * height + y) * width + x"
          : `((image * blocks + block) * 2 * height + 2 * y + ${first.output >> 1}) * 2 * width + 2 * x + ${first.output & 1}`
      };
      ${product.store}
    } }`;
  })}`;
  };

  const wgsl = `${ENABLE}${text}
@group(0) @binding(${bindings.length}) var<uniform> constants: array<vec4i, ${2 + sources.length}>;
${stagedArray(staged, staging, unit)}
var<workgroup> drained: array<array<f32, ${drainLength(unit, way)}>, ${subgroups}>;
${rectified ? "fn rectify(value: vec4f, rectifies: bool) -> vec4f { return select(value, max(vec4f(), value), rectifies); }" : ""}
${mainHead(unit, subgroups)}
  let height = constants[0].x;
  let width = constants[0].y;
  let blocks = constants[0].w;
  let counts = constants[1];
  let left = (i32(group.x) % constants[0].z) * ${SIDE};
  let top = (i32(group.x) / constants[0].z) * ${tile.rows};
  let image = i32(group.z);
  let firstBlock = i32(group.y) * ${tile.outputs / 4};
  let firstSide = i32(group.y) * ${tile.outputs / SIDE} + i32(subgroup % ${columns}u) * ${OUTPUTS / SIDE};
  ${stagedHead(staged, staging, access)}
  ${stagedPlaces(staged, staging, stride)}
  ${normed ? "var scale = vec4f();\n  var shift = vec4f();" : ""}
  ${rectified ? "var rectifies = false;" : ""}
  ${sums.map(({ name }) => `var ${name} = ${zeroSum(unit)};`).join("\n")}
  ${loadRights(0, "0", "var")}
  ${fetch("0")}
  ${put("0")}
  workgroupBarrier();
  for (var chunk = 0; chunk < counts.x; chunk++) {
    let next = chunk + 1;
    if (next < counts.x) ${fetch("next")}
    ${bySubgroups(`let firstRow = (u32(chunk) % 2u) * ${staging.rows}u + (subgroup / ${columns}u) * ${stride * rows}u;
      ${turns.join("\n")}`)}
    if (next < counts.x) { ${put("next")} }
    workgroupBarrier();
  }
  ${batches.map(drain).join("")}
}`;
  return {
    wgsl,
    bindings,
    constants,
    prelude,
    workgroups: groupsOf(product, tile),
  };
}
