import type { FeatureAccess } from "./access";
import type { Extent, SourceSpec, SubgroupMatrix, Target } from "./kernel";
import { blocksOf, onLoad, repeat } from "./wgsl";

/** What the kernels for the matrix units of subgroups (`matrixConv.ts`, `matrixWgrad.ts`) share: units, tiles and their WGSL. */

/** Pixels of a row in a tile, channels of a step: multiples of the sides of every unit that is used (8 and 16). */
export const SIDE = 16;
/** Subgroups of a workgroup, two by two over its tile. */
export const SUBGROUPS = 4;
/** Lanes that the weight gradient's sums of the bias need at least. */
const LEAST_LANES = 8;

/**
 * The unit for kernels of this storage; null where the device has none. Sums are float32 always. Halves as operands round
 * weights and normalised values to 11 bits, so they are for features in halves only; those take floats where the device has
 * nothing better (Metal adds up products of halves in halves).
 */
export function unitFor({ storage }: Pick<Extent, "storage">, target: Target): SubgroupMatrix | null {
  const usable = target.subgroupMatrices.filter(
    ({ component, result, m, n, k, lanes }) =>
      result === "f32" &&
      (component === "f32" || (storage === "f16" && target.shaderF16)) &&
      [m, n, k].every((side) => SIDE % side === 0) &&
      lanes >= LEAST_LANES &&
      SUBGROUPS * lanes <= target.maxInvocationsPerWorkgroup,
  );
  return usable.find(({ component }) => component === storage) ?? usable[0] ?? null;
}

/** `16×16×16`, with the operands' type where it is not halves: part of a variant's name. */
export function unitName({ component, m, n, k }: SubgroupMatrix): string {
  return `${m}×${n}×${k}${component === "f32" ? " f32" : ""}`;
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

/** Statements that store four numbers at `at`, `at` + step, … of an array of operands. */
export function storeOperands(array: string, value: string, unit: SubgroupMatrix, step = 1): string {
  return repeat(4, (j) => `${array}[at + ${j * step}] = ${unit.component}(${value}[${j}]);`);
}

/** Whether the numbers of a row or those of a column lie side by side. */
export type Major = "row_major" | "col_major";

/** A fresh sum, [m, n]. */
export function zeroSum({ m, n }: SubgroupMatrix): string {
  return `subgroup_matrix_result<f32, ${n}, ${m}>()`;
}

/** Left operand [m, k], whose rows (or columns) lie `stride` numbers apart from `offset` on (WGSL, u32) in a workgroup array. */
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
  array: string,
  offset: string,
  stride: number,
): string {
  return `subgroupMatrixLoad<subgroup_matrix_right<${component}, ${n}, ${k}>, row_major>(&${array}, ${offset}, ${stride}u)`;
}

export function multiplyAdd(sum: string, left: string, right: string): string {
  return `${sum} = subgroupMatrixMultiplyAccumulate(${left}, ${right}, ${sum});`;
}

export function storeSum(major: Major, array: string, offset: string, sum: string, stride: number): string {
  return `subgroupMatrixStore<${major}>(&${array}, ${offset}, ${sum}, ${stride}u);`;
}

/** A piece of a feature that a workgroup holds as [pixel][channel]: SIDE × `rows` pixels with `halo` more on every side. */
export interface StagedFeature {
  readonly array: string;
  readonly rows: number;
  readonly halo: 0 | 1;
  readonly channels: number;
}

/** Pixels of a row with their halo. */
export function stagedWidth({ halo }: StagedFeature): number {
  return SIDE + 2 * halo;
}

/** Length of its array. */
export function stagedLength(staged: StagedFeature, unit: SubgroupMatrix): number {
  const pixels = stagedWidth(staged) * (staged.rows + 2 * staged.halo);
  return pixels * strideOf(staged.channels, unit);
}

/**
 * WGSL that fills the array from channel block `firstBlock` (WGSL) on around pixel (`left`, `top`) of `image`, normalised and
 * rectified; what lies outside of the image or behind the last channel is 0. Lanes take neighbouring pixels.
 */
export function stageFeature(
  staged: StagedFeature,
  unit: SubgroupMatrix,
  { height, width }: Extent,
  name: string,
  source: SourceSpec,
  access: FeatureAccess,
  firstBlock: string,
): string {
  const { array, rows, halo, channels } = staged;
  const columns = stagedWidth(staged);
  const pixels = columns * (rows + 2 * halo);
  const blocks = blocksOf(source.channels);
  const load = onLoad(source, "block", access);
  return `for (var i = local; i < ${pixels * (channels / 4)}; i += ${SUBGROUPS * unit.lanes}) {
  let pixel = i % ${pixels};
  let quad = i / ${pixels};
  let block = ${firstBlock} + quad;
  let x = left + pixel % ${columns} - ${halo};
  let y = top + pixel / ${columns} - ${halo};
  var value = vec4f();
  if (block < ${blocks} && x >= 0 && x < ${width} && y >= 0 && y < ${height}) {
    ${load.prepare}
    value = ${load.of(`${name}[((image * ${blocks} + block) * ${height} + y) * ${width} + x]`)};
  }
  let at = pixel * ${strideOf(channels, unit)} + quad * 4;
  ${storeOperands(array, "value", unit)}
}`;
}

/** The entry point's head: `local` and `subgroup` (u32; those from SUBGROUPS on have nothing to multiply). */
export function mainHead(unit: SubgroupMatrix): string {
  return `@compute @workgroup_size(${SUBGROUPS * unit.lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32, @builtin(subgroup_id) subgroup: u32) {
  let local = i32(index);`;
}

/** Where subgroups are narrower than `lanes` there are more of them than parts of the tile. */
export function bySubgroups(statements: string): string {
  return `if (subgroup < ${SUBGROUPS}u) { ${statements} }`;
}
