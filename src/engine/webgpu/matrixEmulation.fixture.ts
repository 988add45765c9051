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
  let products = 0;
  let sums = 0;
  const replaced = withDrainsInLoop(wgsl)
    .replace("enable chromium_experimental_subgroup_matrix;\nenable subgroups;\n", "")
    .replace(", @builtin(subgroup_id) subgroup: u32", "")
    .replace(
      "let local = i32(index);",
      `let local = i32(index); let subgroup = index / ${lanes}u; lane = index % ${lanes}u;`,
    )
    .replaceAll(new RegExp(`var sum\\d+ = subgroup_matrix_result<f32, ${n}, ${m}>\\(\\);`, "g"), () => {
      sums++;
      return "";
    })
    .replaceAll(
      new RegExp(
        `subgroupMatrixLoad<subgroup_matrix_(left<${component}, ${k}, ${m}>|right<${component}, ${n}, ${k}>), (row|col)_major>\\(&(\\w+), `,
        "g",
      ),
      (_, kind: string, major: Major, array: string) => {
        if ((array === "tile") !== kind.startsWith("left")) throw new Error(`${kind} comes from ${array}`);
        return `vec3u(${orderOf(major)}, `;
      },
    )
    .replaceAll(
      /subgroupMatrixStore<(row|col)_major>\(&drained, (.*), sum(\w+), (\d+u)\);/g,
      (_, major: Major, offset: string, sum: string, stride: string) =>
        `storeSum(vec3u(${orderOf(major)}, ${offset}, ${stride}), ${sum === OF_TURN ? "u32(turn)" : `${sum}u`});`,
    )
    .split("if (subgroup < 4u) {")
    .map((block) => {
      let count = 0;
      const queued = block.replaceAll(
        /sum(\d+) = subgroupMatrixMultiplyAccumulate\((\w+), (\w+), sum\1\);/g,
        (_, sum: string, left: string, right: string) =>
          `queue[${count++}] = Product(${left}, ${right}, ${sum}u);`,
      );
      products = Math.max(products, count);
      // Behind the last one and the scopes within the loop, or the branch, that it stands in.
      const end = queued.indexOf("queue[");
      if (end < 0) return queued;
      const close = /^ *for /.test(queued)
        ? closingBrace(queued, queued.indexOf("{"))
        : closingBrace(`{${queued}`, 0) - 1;
      return `${queued.slice(0, close)} multiplyQueued(${count}u); ${queued.slice(close)}`;
    })
    .join("if (subgroup < 4u) {")
    .replaceAll(
      /for \(var (\w+) = 0(u?); \1 < (\d+u?);/g,
      (_, name: string, u: string, bound: string) =>
        `for (var ${name} = 0${u}; ${name} < ${bound} + ${u === "" ? `i32(${nothing})` : nothing};`,
    );
  if (/subgroup_?matrix/i.test(replaced)) throw new Error(`A use of matrix units is not known:\n${replaced}`);
  const functions = `
var<private> lane: u32;
var<private> sums: array<f32, ${sums * share}>;
struct Product { left: vec3u, right: vec3u, sum: u32 }
var<private> queue: array<Product, ${products}>;
// An operand or sum: order (1 for rows side by side), offset, stride.
fn place(operand: vec3u, row: u32, column: u32) -> u32 {
  return operand.y + select(column * operand.z + row, row * operand.z + column, operand.x == 1u);
}
fn multiplyQueued(count: u32) {
  for (var q = 0u; q < count + ${nothing}; q++) {
    let product = queue[q];
    for (var i = 0u; i < ${share}u + ${nothing}; i++) {
      let at = lane + i * ${lanes}u;
      var sum = sums[product.sum * ${share}u + i];
      for (var inner = 0u; inner < ${k}u + ${nothing}; inner++) {
        sum += f32(tile[place(product.left, at / ${n}u, inner)]) * f32(${wgsl.includes("> taps:") ? "taps" : "gradients"}[place(product.right, inner, at % ${n}u)]);
      }
      sums[product.sum * ${share}u + i] = sum;
    }
  }
}
fn storeSum(to: vec3u, sum: u32) {
  for (var i = 0u; i < ${share}u + ${nothing}; i++) {
    let at = lane + i * ${lanes}u;
    drained[place(to, at / ${n}u, at % ${n}u)] = sums[sum * ${share}u + i];
  }
}
`;
  return replaced.replace("@compute", `${functions}@compute`);
}

/** Stands for the number of the sum in the loop of the epilogue. */
const OF_TURN = "OfTurn";

type Major = "row" | "col";

function orderOf(major: Major): string {
  return major === "row" ? "1u" : "0u";
}

/** The epilogue's turns (a sum is stored, a barrier, it is drained, a barrier) as one loop, which compiles faster. */
function withDrainsInLoop(wgsl: string): string {
  const turn =
    /if \(subgroup < 4u\) \{ (subgroupMatrixStore<\w+>\(&drained, [^,]*, )sum(\d+)(, \d+u\);) \}\s+workgroupBarrier\(\);\s+drain\((.*)\);\s+workgroupBarrier\(\);/g;
  const turns = [...wgsl.matchAll(turn)];
  const [first] = turns;
  if (first === undefined) return wgsl;
  const rows = turns.map((match) => match[4]?.split(", ") ?? []);
  const tables = rows[0]?.map(
    (_, i) => `var argument${i} = array<i32, ${rows.length}>(${rows.map((row) => row[i]).join()});`,
  );
  const loop = `${tables?.join("\n")}
  for (var turn = 0; turn < ${turns.length}; turn++) {
    if (subgroup < 4u) { ${first[1]}sum${OF_TURN}${first[3]} }
    workgroupBarrier();
    drain(${rows[0]?.map((_, i) => `argument${i}[turn]`).join()});
    workgroupBarrier();
  }`;
  if (turns.some((match, i) => match[1] !== first[1] || match[2] !== String(i) || match[3] !== first[3]))
    throw new Error("The turns of the epilogue differ.");
  return wgsl.replaceAll(turn, (text) => (text === first[0] ? loop : ""));
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
