import type { LabDevice } from "./device";
import type { SubgroupMatrix } from "./kernels/kernel";
import { MATRIX_FEATURE } from "./matrixProbe";

/** The device with every shader changed on its way to the compiler. */
export function withShaders(lab: LabDevice, change: (wgsl: string) => string): LabDevice {
  return { ...lab, device: shadersChanged(lab.device, change), pipelines: new Map() };
}

function shadersChanged(device: GPUDevice, change: (wgsl: string) => string): GPUDevice {
  return new Proxy(device, {
    set: (real, key, value) => Reflect.set(real, key, value),
    get(real, key) {
      if (key === "createShaderModule")
        return (descriptor: GPUShaderModuleDescriptor) =>
          real.createShaderModule({ ...descriptor, code: change(descriptor.code) });
      const value: unknown = Reflect.get(real, key, real);
      return typeof value === "function" ? value.bind(real) : value;
    },
  });
}

/** WebGPU whose adapter reports units that it emulates; `opened` sees each device and the features asked for. */
export function gpuWithUnits(
  gpu: GPU,
  units: readonly SubgroupMatrix[],
  change: (wgsl: string) => string,
  opened: (device: GPUDevice, features: readonly string[]) => void,
): Pick<GPU, "requestAdapter"> {
  return {
    requestAdapter: async () => {
      const adapter = await gpu.requestAdapter();
      if (adapter === null) return null;
      const { vendor, architecture, device, description, subgroupMinSize } = adapter.info;
      const subgroupMatrixConfigs = units.map(({ component, result, m, n, k }) => ({
        componentType: component,
        resultComponentType: result,
        M: m,
        N: n,
        K: k,
      }));
      const reported = {
        features: new Set([...adapter.features, MATRIX_FEATURE]),
        info: {
          vendor,
          architecture,
          device,
          description,
          subgroupMinSize,
          subgroupMaxSize: units[0]?.lanes,
          subgroupMatrixConfigs,
        },
        requestDevice: async ({ requiredFeatures = [], ...rest }: GPUDeviceDescriptor = {}) => {
          const features = [...requiredFeatures] as string[];
          const own = features.filter((name) => name !== MATRIX_FEATURE) as GPUFeatureName[];
          const real = await adapter.requestDevice({ ...rest, requiredFeatures: own });
          opened(real, features);
          return shadersChanged(real, change);
        },
        limits: adapter.limits,
      };
      return reported as unknown as GPUAdapter;
    },
  };
}

/**
 * Replaces matrix units for adapters that have none: the same WGSL with other types and functions. Subgroups of `lanes` are made
 * from the local index, a sum is spread over its subgroup's lanes, and an operand is the place that it was loaded from, read
 * when it is multiplied: no barrier lies between. What stays as it was: staging, offsets, strides, orders, barriers, and the
 * epilogue. Throws where units are used in a way that is not known here.
 */
export function withoutUnits(
  wgsl: string,
  { component, m, n, k, lanes: most }: SubgroupMatrix,
  lanes = most,
): string {
  if (!wgsl.includes("chromium_experimental_subgroup_matrix")) return wgsl;
  const share = (m * n) / lanes;
  // lavapipe unrolls every loop whose bound it knows, and compiles for minutes then. No buffer is empty.
  const nothing = `u32(arrayLength(&${/@binding\(0\) var<storage, read> (\w+)/.exec(wgsl)?.[1] ?? ""}) == 0u)`;
  const arrays: string[] = [];
  let products = 0;
  let sums = 0;
  const replaced = wgsl
    .replace("enable chromium_experimental_subgroup_matrix;\nenable subgroups;\n", "")
    .replace(", @builtin(subgroup_id) subgroupId: u32", "")
    .replace("let works =", `let subgroupId = index / ${lanes}u; lane = index % ${lanes}u; let works =`)
    .replaceAll(new RegExp(`var sum\\d+ = subgroup_matrix_result<f32, ${n}, ${m}>\\(\\);`, "g"), () => {
      sums++;
      return "";
    })
    .replaceAll(
      new RegExp(
        `subgroupMatrixLoad<subgroup_matrix_(?:left<${component}, ${k}, ${m}>|right<${component}, ${n}, ${k}>), (row|col)_major>\\(&(\\w+)(?:\\[([^\\]]*)\\])?, `,
        "g",
      ),
      (_, major: Major, array: string, row: string | undefined) => {
        if (!arrays.includes(array)) arrays.push(array);
        return `Operand(${arrays.indexOf(array)}u, ${row ?? "0u"}, ${orderOf(major)}, `;
      },
    )
    .replaceAll(
      /subgroupMatrixStore<(row|col)_major>\(&drained(?:\[(subgroup)\])?, (.*), sum(\d+), (\d+u)\);/g,
      (_, major: Major, row: string | undefined, offset: string, sum: string, stride: string) =>
        `storeSum(Operand(0u, ${row ?? "0u"}, ${orderOf(major)}, ${offset}, ${stride}), ${sum}u);`,
    )
    .split("if (works) {")
    .map((block) => {
      let count = 0;
      const queued = block.replaceAll(
        /sum(\d+) = subgroupMatrixMultiplyAccumulate\((\w+), (\w+), sum\1\);/g,
        (_, sum: string, left: string, right: string) =>
          `queue[${count++}] = Product(${left}, ${right}, ${sum}u);`,
      );
      products = Math.max(products, count);
      if (count === 0) return queued;
      // At the end of the innermost scope: behind it its operands are not known.
      const end = closingBrace(`{${queued.slice(queued.lastIndexOf("queue["))}`, 0) - 1;
      const close = queued.lastIndexOf("queue[") + end;
      return `${queued.slice(0, close)} multiplyQueued(${count}u); ${queued.slice(close)}`;
    })
    .join("if (works) {");
  if (/subgroup_?matrix/i.test(replaced)) throw new Error(`A use of matrix units is not known:\n${replaced}`);
  const isNested = (array: string): boolean => new RegExp(`> ${array}: array<array<`).test(wgsl);
  const cases = arrays.map(
    (array, index) =>
      `case ${index}u: { return f32(${array}${isNested(array) ? "[operand.row]" : ""}[place(operand, row, column)]); }`,
  );
  const functions = `
var<private> lane: u32;
var<private> sums: array<f32, ${sums * share}>;
// Order: 1 for rows side by side.
struct Operand { array: u32, row: u32, order: u32, offset: u32, stride: u32 }
struct Product { left: Operand, right: Operand, sum: u32 }
var<private> queue: array<Product, ${products}>;
fn place(operand: Operand, row: u32, column: u32) -> u32 {
  return operand.offset + select(column * operand.stride + row, row * operand.stride + column, operand.order == 1u);
}
fn readOperand(operand: Operand, row: u32, column: u32) -> f32 {
  switch (operand.array) { ${cases.join(" ")} default: { return 0f; } }
}
fn multiplyQueued(count: u32) {
  for (var q = 0u; q < count + ${nothing}; q++) {
    let product = queue[q];
    for (var i = 0u; i < ${share}u + ${nothing}; i++) {
      let at = lane + i * ${lanes}u;
      var sum = sums[product.sum * ${share}u + i];
      for (var inner = 0u; inner < ${k}u + ${nothing}; inner++) {
        sum += readOperand(product.left, at / ${n}u, inner) * readOperand(product.right, inner, at % ${n}u);
      }
      sums[product.sum * ${share}u + i] = sum;
    }
  }
}
fn storeSum(to: Operand, sum: u32) {
  for (var i = 0u; i < ${share}u + ${nothing}; i++) {
    let at = lane + i * ${lanes}u;
    drained${isNested("drained") ? "[to.row]" : ""}[place(to, at / ${n}u, at % ${n}u)] = sums[sum * ${share}u + i];
  }
}
`;
  return replaced.replace("@compute", `${functions}@compute`);
}

type Major = "row" | "col";

function orderOf(major: Major): string {
  return major === "row" ? "1u" : "0u";
}

/** Place of the brace that closes the one at `open`. */
function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === "{") depth++;
    if (text[i] === "}" && --depth === 0) return i;
  }
  throw new Error("A brace is not closed.");
}
