import type { FeatureAccess } from "./access";
import type { Extent, Kernel, SubgroupMatrix, Target, Variant } from "./kernel";
import { repeat } from "./wgsl";

/**
 * What the kernels for the matrix units of subgroups (`matrixConv.ts`, `matrixWgrad.ts`) share: units, staging and their WGSL.
 *
 * Browsers check the bounds of every index that they cannot prove. Where a unit's operand lies at a constant offset in an array of
 * constant length, and where an index is made of the local index by constant division, remainder, product and sum, Dawn proves it,
 * and the checks (which also hide alignments from the driver) go away. Hence arrays of rows, unsigned indices, and spare rows.
 */

/** Pixels of a row in a tile, channels of a step: multiples of the sides of every unit that is used (8 and 16). */
export const SIDE = 16;

/**
 * The unit for kernels of this storage; null where the device has none. Sums are float32 always. Halves as operands round
 * weights and normalised values to 11 bits, so they are for features in halves only; those take floats where the device has
 * nothing better (Metal adds up products of halves in halves).
 */
export function unitFor({ storage }: Pick<Extent, "storage">, target: Target): SubgroupMatrix | null {
  const usable = target.subgroupMatrices.filter(
    ({ component, result, m, n, k }) =>
      result === "f32" &&
      (component === "f32" || (storage === "f16" && target.shaderF16)) &&
      [m, n, k].every((side) => SIDE % side === 0),
  );
  return usable.find(({ component }) => component === storage) ?? usable[0] ?? null;
}

/** `16×16×16`, with the operands' type where it is not halves: part of a variant's name. */
export function unitName({ component, m, n, k }: SubgroupMatrix): string {
  return `${m}×${n}×${k}${component === "f32" ? " f32" : ""}`;
}

/** Other variants that the tuner may try where units are filled: on an H100 the best of them is 2 to 5 times slower. */
const OTHERS = 2;

/**
 * The order of an operation's variants: units that take halves come first where channels fill them, else the tuner may try them.
 * Whether units that take floats gain anything is not known.
 */
export function withMatrices<Result extends Kernel>(
  matrices: readonly Variant<Result>[],
  others: readonly Variant<Result>[],
  unit: SubgroupMatrix | null,
  inChannels: readonly number[],
  outChannels: number,
): readonly Variant<Result>[] {
  const filled = outChannels >= 2 * SIDE && inChannels.every((channels) => channels >= SIDE);
  if (unit?.component !== "f16" || !filled) return [...others, ...matrices];
  return [...matrices, ...others.slice(0, OTHERS)];
}

/** Directives in front of all others. */
export const ENABLE = "enable chromium_experimental_subgroup_matrix;\nenable subgroups;\n";

export function bytesOfComponent({ component }: SubgroupMatrix): number {
  return component === "f32" ? 4 : 2;
}

/**
 * Numbers from one row of `count` to the next in workgroup memory. Vulkan wants rows to start at multiples of 16 bytes; 16 bytes
 * more than a power of two keep eight rows in different banks.
 */
export function strideOf(count: number, unit: SubgroupMatrix): number {
  return count + 16 / bytesOfComponent(unit);
}

/** Whether the numbers of a row or those of a column lie side by side. */
export type Major = "row_major" | "col_major";

/** A fresh sum, [m, n]. */
export function zeroSum({ m, n }: SubgroupMatrix): string {
  return `subgroup_matrix_result<f32, ${n}, ${m}>()`;
}

/** Left operand [m, k], whose rows (or columns) lie `stride` numbers apart from `offset` on (WGSL, u32) in an array. */
export function loadLeft(
  { component, m, k }: SubgroupMatrix,
  major: Major,
  array: string,
  offset: string,
  stride: number,
): string {
  return `subgroupMatrixLoad<subgroup_matrix_left<${component}, ${k}, ${m}>, ${major}>(&${array}, ${offset}, ${stride}u)`;
}

/** Right operand [k, n]. */
export function loadRight(
  { component, n, k }: SubgroupMatrix,
  major: Major,
  array: string,
  offset: string,
  stride: number,
): string {
  return `subgroupMatrixLoad<subgroup_matrix_right<${component}, ${n}, ${k}>, ${major}>(&${array}, ${offset}, ${stride}u)`;
}

export function multiplyAdd(sum: string, left: string, right: string): string {
  return `${sum} = subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${sum});`;
}

export function storeSum(major: Major, array: string, offset: string, sum: string, stride: number): string {
  return `subgroupMatrixStore<${major}>(&${array}, ${offset}, ${sum}, ${stride}u);`;
}

/** A piece of a feature that a workgroup holds: `rows` × `columns` pixels with `halo` more on every side. */
export interface Staged {
  /** Name of the array in workgroup memory, and in front of its variables. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly halo: 0 | 1;
  /** A multiple of SIDE. */
  readonly channels: number;
  /** Copies, so that one is filled while another is read. */
  readonly copies: 1 | 2;
}

/**
 * How a workgroup stages a piece: a thread keeps its four channels and takes every `stepPixels`-th pixel, `steps` times. The
 * pixels beyond the piece have rows of their own, so that no store needs a condition.
 */
export interface Staging {
  readonly across: number;
  readonly quads: number;
  readonly steps: number;
  readonly stepPixels: number;
  /** Rows of one copy and block of SIDE channels. */
  readonly rows: number;
  /** Rows of all. */
  readonly allRows: number;
  /** Numbers of a pixel, and of a row. */
  readonly stride: number;
  readonly rowLength: number;
  readonly bytes: number;
}

export function stagingOf(
  { rows, columns, halo, channels, copies }: Staged,
  unit: SubgroupMatrix,
  threads: number,
): Staging {
  const across = columns + 2 * halo;
  const quads = channels / 4;
  const stepPixels = threads / quads;
  const steps = Math.ceil((across * (rows + 2 * halo)) / stepPixels);
  const stride = strideOf(SIDE, unit);
  const ownRows = Math.ceil((steps * stepPixels) / across);
  const allRows = ownRows * (channels / SIDE) * copies;
  const rowLength = across * stride;
  const bytes = bytesOfComponent(unit) * rowLength * allRows;
  return { across, quads, steps, stepPixels, rows: ownRows, allRows, stride, rowLength, bytes };
}

/** The array: [copy][block of SIDE channels][row][pixel][channel]. */
export function stagedArray({ name }: Staged, { rowLength, allRows }: Staging, unit: SubgroupMatrix): string {
  return `var<workgroup> ${name}: array<array<${unit.component}, ${rowLength}>, ${allRows}>;`;
}

/** WGSL of a thread's place: its channels, and variables for what it fetches. */
export function stagedHead({ name }: Staged, { quads, steps }: Staging, access: FeatureAccess): string {
  return `let ${name}Quad = index % ${quads}u;
  ${repeat(steps, (j) => `var ${name}${j} = ${access.read}();`)}`;
}

/** WGSL (u32) of the pixel of step `j` in the piece. */
function pixelOf({ quads, stepPixels }: Staging, j: number): string {
  return `(${j * stepPixels}u + index / ${quads}u)`;
}

/**
 * WGSL that says where the thread's pixels lie in the image, from (`left`, `top`) on: `NAMEAt0` …, −1 outside. `width` and
 * `height` are in scope (i32). With `stride` 2 the image and all places are twice as large.
 */
export function stagedPlaces({ name, halo, rows }: Staged, staging: Staging, stride: 1 | 2): string {
  const scaled = (value: string): string => (stride === 1 ? value : `${stride} * ${value}`);
  return repeat(staging.steps, (j) => {
    const pixel = pixelOf(staging, j);
    // What lies in the spare rows is never read.
    const inside = (j + 1) * staging.stepPixels <= staging.across * (rows + 2 * halo);
    return `let ${name}Y${j} = ${scaled("top")} + i32(${pixel} / ${staging.across}u) - ${halo};
  let ${name}X${j} = ${scaled("left")} + i32(${pixel} % ${staging.across}u) - ${halo};
  let ${name}At${j} = select(-1, ${name}Y${j} * ${scaled("width")} + ${name}X${j}, ${name}X${j} >= 0 && ${name}X${j} < ${scaled("width")} && ${name}Y${j} >= 0 && ${name}Y${j} < ${scaled("height")}${inside ? "" : ` && ${pixel} < ${staging.across * (rows + 2 * halo)}u`});`;
  });
}

/** WGSL that fetches the thread's pixels of a feature's channel block that begins at `start` (i32), if it `exists`; else 0. */
export function fetchStaged(
  { name }: Staged,
  { steps }: Staging,
  access: FeatureAccess,
  feature: string,
  start: string,
  exists: string,
): string {
  return repeat(
    steps,
    (j) => `${name}${j} = ${access.read}();
    if (${exists} && ${name}At${j} >= 0) { ${name}${j} = ${feature}[${start} + ${name}At${j}]; }`,
  );
}

/**
 * WGSL that puts what was fetched into copy `copy` (u32) of the array, `seen` as it should be. `inside`: whether the pixel of a
 * step lies in the image, where what is outside would not be seen as 0; else null.
 */
export function putStaged(
  { name, copies, channels }: Staged,
  staging: Staging,
  unit: SubgroupMatrix,
  copy: string,
  seen: (stored: string) => string,
  inside: ((step: number) => string) | null,
): string {
  const { steps, rows, across, stride } = staging;
  const block = `${name}Quad / ${SIDE / 4}u`;
  const plane = copies === 1 ? block : `(${copy} * ${channels / SIDE}u + ${block})`;
  return repeat(steps, (j) => {
    const pixel = pixelOf(staging, j);
    const value = seen(`${name}${j}`);
    return `{ let value = ${inside ? `select(vec4f(), ${value}, ${inside(j)})` : value};
    let row = ${plane} * ${rows}u + ${pixel} / ${across}u;
    let at = (${pixel} % ${across}u) * ${stride}u + (${name}Quad % ${SIDE / 4}u) * 4u;
    ${repeat(4, (e) => `${name}[row][at + ${e}u] = ${unit.component}(value[${e}]);`)} }`;
  });
}

/** The entry point's head: `index` of the thread and `subgroup` (those from `subgroups` on have nothing to multiply). */
export function mainHead(unit: SubgroupMatrix, subgroups: number): string {
  return `@compute @workgroup_size(${subgroups * unit.lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32, @builtin(subgroup_id) subgroupId: u32) {
  let works = subgroupId < ${subgroups}u;
  let subgroup = min(subgroupId, ${subgroups - 1}u);`;
}

/** Where subgroups are narrower than `lanes` there are more of them than parts of the tile. */
export function bySubgroups(statements: string): string {
  return `if (works) { ${statements} }`;
}
