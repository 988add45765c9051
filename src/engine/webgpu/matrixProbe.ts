import type { LabDevice } from "./device";
import { runKernel } from "./kernelRun";
import type { Kernel, SubgroupMatrix } from "./kernels/kernel";
import {
  bySubgroups,
  ENABLE,
  loadLeft,
  loadRight,
  type Major,
  mainHead,
  multiplyAdd,
  storeSum,
  strideOf,
  zeroSum,
} from "./kernels/matrixUnits";
import { declare } from "./kernels/wgsl";

/** The feature of devices with matrix units; browsers offer it behind a flag (in Chrome `enable-unsafe-webgpu`). */
export const MATRIX_FEATURE: string = "chromium-experimental-subgroup-matrix";

/** A matrix unit that the device reports, for the developer panel. */
export interface ProbedMatrix {
  readonly matrix: SubgroupMatrix;
  /** Why it is not used; null where it is. */
  readonly problem: string | null;
}

/** What Chromium adds to an adapter's description with `MATRIX_FEATURE`. */
interface MatrixAdapterInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: string;
    readonly resultComponentType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }>;
}

/** The units for floats and halves that an adapter reports, in its order. */
export function reportedMatrices({
  features,
  info,
}: Pick<GPUAdapter, "features" | "info">): readonly SubgroupMatrix[] {
  if (!features.has(MATRIX_FEATURE)) return [];
  const { subgroupMatrixConfigs, subgroupMaxSize }: MatrixAdapterInfo = info;
  const isFloat = (type: string): type is "f16" | "f32" => type === "f16" || type === "f32";
  return [...(subgroupMatrixConfigs ?? [])].flatMap(
    ({ componentType: component, resultComponentType: result, M: m, N: n, K: k }) =>
      isFloat(component) && isFloat(result) ? [{ component, result, m, n, k, lanes: subgroupMaxSize }] : [],
  );
}

/**
 * Compiles and runs a small product on each unit and compares it: experimental drivers have reported units whose products are
 * wrong. Needs a device with `MATRIX_FEATURE`. Never throws: what fails is the unit's `problem`.
 */
export async function probeSubgroupMatrices(
  lab: LabDevice,
  matrices: readonly SubgroupMatrix[],
): Promise<readonly ProbedMatrix[]> {
  const probed: ProbedMatrix[] = [];
  for (const matrix of matrices) probed.push({ matrix, problem: await problemOf(lab, matrix) });
  return probed;
}

async function problemOf(lab: LabDevice, matrix: SubgroupMatrix): Promise<string | null> {
  if (matrix.result !== "f32") return "It adds up in halves; the kernels need float32 sums.";
  try {
    const { inputs, expected } = exampleOf(matrix);
    const { outputs } = await runKernel(lab, probeKernel(matrix), {
      ...inputs,
      products: new Float32Array(expected.length),
    });
    const actual = outputs["products"] ?? new Float32Array();
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Not finite is wrong as well, so that the question is what is right.
    const right = expected.filter(
      (value, i) => Math.abs((actual[i] ?? Number.NaN) - value) <= PROBE_RTOL * largest,
    ).length;
    return right === expected.length
      ? null
      : `${expected.length - right} of ${expected.length} numbers of a known product are wrong.`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** float32 sums of some 64 exact products stay below this; sums in halves or operands rounded to 11 bits do not (1e-4). */
const PROBE_RTOL = 1e-5;

/** Subgroups of the probe's workgroup. */
const SUBGROUPS = 4;

/** Rounds that carry a sum over a barrier, as the kernels do, with a left operand in rows and one in columns each. */
const ROUNDS = 2;

/** Lengths of the operands of one subgroup and round: left in rows, left in columns, two right ones. */
function lengthsOf(matrix: SubgroupMatrix): {
  readonly rows: number;
  readonly left: number;
  readonly right: number;
} {
  const { m, n, k } = matrix;
  const rows = m * strideOf(k, matrix);
  return { rows, left: rows + k * strideOf(m, matrix), right: 2 * k * strideOf(n, matrix) };
}

/**
 * What the kernels do with a unit, in small: operands from workgroup memory at places that depend on the subgroup, left ones in
 * both orders, sums that live through a loop with barriers, and stores in both orders. Each subgroup has a product of its own.
 */
function probeKernel(matrix: SubgroupMatrix): Kernel {
  const { component, m, n, k, lanes } = matrix;
  const { rows, left, right } = lengthsOf(matrix);
  const threads = SUBGROUPS * lanes;
  const { text, bindings } = declare([
    ["lefts", "read", "f32"],
    ["rights", "read", "f32"],
    ["products", "readWrite", "f32"],
  ]);
  const drain = (major: Major, stride: number, first: number): string => `
  ${bySubgroups(storeSum(major, "drained", `subgroup * ${m * n}u`, "sum0", stride))}
  workgroupBarrier();
  for (var i = local; i < ${SUBGROUPS * m * n}; i += ${threads}) {
    products[(i / ${m * n}) * ${2 * m * n} + ${first} + i % ${m * n}] = drained[i];
  }`;
  const wgsl = `${ENABLE}${component === "f16" ? "enable f16;\n" : ""}${text}
var<workgroup> tile: array<${component}, ${SUBGROUPS * left}>;
var<workgroup> taps: array<${component}, ${SUBGROUPS * right}>;
var<workgroup> drained: array<f32, ${SUBGROUPS * m * n}>;
${mainHead(matrix, SUBGROUPS)}
  let local = i32(index);
  var sum0 = ${zeroSum(matrix)};
  for (var round = 0; round < ${ROUNDS}; round++) {
    workgroupBarrier();
    for (var i = local; i < ${SUBGROUPS * left}; i += ${threads}) { tile[i] = ${component}(lefts[round * ${SUBGROUPS * left} + i]); }
    for (var i = local; i < ${SUBGROUPS * right}; i += ${threads}) { taps[i] = ${component}(rights[round * ${SUBGROUPS * right} + i]); }
    workgroupBarrier();
    ${bySubgroups(`
      let inRows = ${loadLeft(matrix, "row_major", "tile", `subgroup * ${left}u`, strideOf(k, matrix))};
      let inColumns = ${loadLeft(matrix, "col_major", "tile", `subgroup * ${left}u + ${rows}u`, strideOf(m, matrix))};
      let right0 = ${loadRight(matrix, "row_major", "taps", `subgroup * ${right}u`, strideOf(n, matrix))};
      let right1 = ${loadRight(matrix, "row_major", "taps", `subgroup * ${right}u + ${right / 2}u`, strideOf(n, matrix))};
      ${multiplyAdd("sum0", "inRows", "right0")}
      ${multiplyAdd("sum0", "inColumns", "right1")}`)}
  }
  ${drain("row_major", n, 0)}
  workgroupBarrier();
  ${drain("col_major", m, m * n)}
}`;
  return {
    label: `probe of ${component} ${m}×${n}×${k}`,
    wgsl,
    bindings,
    workgroups: [1, 1, 1],
    flops: 4 * SUBGROUPS * ROUNDS * m * n * k,
    bytes: 4 * SUBGROUPS * (ROUNDS * (left + right) + 2 * m * n),
  };
}

/**
 * Operands as the kernel lays them out, and each subgroup's product in rows and in columns. Halves get integers whose sums overflow
 * halves; floats get thirds, which 11 bits do not hold.
 */
function exampleOf(matrix: SubgroupMatrix): {
  readonly inputs: Readonly<Record<"lefts" | "rights", Float32Array<ArrayBuffer>>>;
  readonly expected: readonly number[];
} {
  const { component, m, n, k } = matrix;
  const { rows, left, right } = lengthsOf(matrix);
  const lefts = new Float32Array(ROUNDS * SUBGROUPS * left);
  const rights = new Float32Array(ROUNDS * SUBGROUPS * right);
  const expected = Array<number>(SUBGROUPS * 2 * m * n).fill(0);
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const integer = (state >>> 22) - 511;
    return component === "f16" ? integer : Math.fround(integer / 3);
  };
  for (let round = 0; round < ROUNDS; round++)
    for (let subgroup = 0; subgroup < SUBGROUPS; subgroup++)
      for (const step of [0, 1]) {
        const at = round * SUBGROUPS + subgroup;
        const leftAt = (i: number, j: number): number =>
          at * left + (step === 0 ? i * strideOf(k, matrix) + j : rows + j * strideOf(m, matrix) + i);
        const rightAt = (j: number, o: number): number =>
          at * right + (step * right) / 2 + j * strideOf(n, matrix) + o;
        for (let j = 0; j < k; j++) {
          for (let i = 0; i < m; i++) lefts[leftAt(i, j)] = next();
          for (let o = 0; o < n; o++) rights[rightAt(j, o)] = next();
        }
        for (let i = 0; i < m; i++)
          for (let o = 0; o < n; o++) {
            let sum = 0;
            for (let j = 0; j < k; j++)
              sum += (lefts[leftAt(i, j)] as number) * (rights[rightAt(j, o)] as number);
            const inRows = subgroup * 2 * m * n + i * n + o;
            const inColumns = (2 * subgroup + 1) * m * n + o * m + i;
            expected[inRows] = (expected[inRows] as number) + sum;
            expected[inColumns] = (expected[inColumns] as number) + sum;
          }
      }
  return { inputs: { lefts, rights }, expected };
}
