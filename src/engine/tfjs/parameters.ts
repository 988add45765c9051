import { LabError } from "@/contracts/failure";
import type { StateDict, Tensor } from "@/contracts/tensors";
import type { Graph } from "@/model/graph";

/**
 * How a PyTorch tensor lies on the device: convolutions [out, in, k, k] → [k, k, in, out] (HWIO); transposed
 * convolutions [in, out, 2, 2] → [in, 2, 2, out], the matrix of a 1×1 convolution to 4·out channels.
 */
type Layout = "conv" | "upconv" | "vector";

export interface Parameter {
  readonly name: string;
  readonly layout: Layout;
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  /** Shape on the device. */
  readonly deviceShape: readonly number[];
  readonly size: number;
}

/** A BatchNorm's place in the two flat buffers of running statistics. */
export interface Statistics {
  readonly name: string;
  readonly channels: number;
  readonly offset: number;
}

export interface ParameterTable {
  /** Trainable parameters, in the order of the state dict. */
  readonly parameters: readonly Parameter[];
  /**
   * Runs of consecutive parameters that share one flat device buffer: Adam works on whole buffers, a few operations
   * each, however many layers there are.
   */
  readonly groups: readonly (readonly Parameter[])[];
  readonly statistics: readonly Statistics[];
  readonly statisticsSize: number;
}

/** Above this a buffer starts a new group: WebGPU's smallest binding limit is 128 MiB, and a texture has a largest side. */
const GROUP_FLOATS = 8 * 1024 * 1024;

function deviceShape(layout: Layout, shape: readonly number[]): readonly number[] {
  const [a = 1, b = 1, h = 1, w = 1] = shape;
  if (layout === "conv") return [h, w, b, a];
  if (layout === "upconv") return [a, h * w * b];
  return shape;
}

/** The tensor `name`, or throws `weights/missing`. */
export function weightOf(weights: StateDict, name: string): Tensor {
  const tensor = weights.get(name);
  if (!tensor)
    throw new LabError(
      "weights/missing",
      `The weights have no ${name}.`,
      "Use weights that belong to this network.",
    );
  return tensor;
}

/** Finds the trainable parameters and running statistics of `graph` in `weights`. Throws `weights/missing`. */
export function tableOf(graph: Graph, weights: StateDict): ParameterTable {
  const layouts = new Map<string, Layout>();
  const statistics: Statistics[] = [];
  let statisticsSize = 0;
  for (const node of graph.nodes) {
    if (node.op !== "conv" && node.op !== "upconv" && node.op !== "batchNorm") continue;
    layouts.set(`${node.name}.weight`, node.op === "batchNorm" ? "vector" : node.op);
    layouts.set(`${node.name}.bias`, "vector");
    if (node.op !== "batchNorm") continue;
    const channels = weightOf(weights, `${node.name}.running_mean`).data.length;
    statistics.push({ name: node.name, channels, offset: statisticsSize });
    statisticsSize += channels;
  }
  for (const name of layouts.keys()) weightOf(weights, name);
  const parameters: Parameter[] = [];
  for (const [name, tensor] of weights) {
    const layout = layouts.get(name);
    if (layout)
      parameters.push({
        name,
        layout,
        shape: tensor.shape,
        deviceShape: deviceShape(layout, tensor.shape),
        size: tensor.data.length,
      });
  }
  const groups: Parameter[][] = [];
  let groupSize = Number.POSITIVE_INFINITY;
  for (const parameter of parameters) {
    if (groupSize + parameter.size > GROUP_FLOATS) {
      groups.push([]);
      groupSize = 0;
    }
    groups.at(-1)?.push(parameter);
    groupSize += parameter.size;
  }
  return { parameters, groups, statistics, statisticsSize };
}

/** Copies between PyTorch's order and the device's; `toDevice` says which way. Lengths are the parameter's size. */
function permute(parameter: Parameter, from: Float32Array, to: Float32Array, toDevice: boolean): void {
  if (parameter.layout === "vector") {
    to.set(from);
    return;
  }
  const [first = 1, second = 1, height = 1, width = 1] = parameter.shape;
  const taps = height * width;
  // PyTorch: [first, second, tap]. Device: conv [tap, second, first], upconv [first, tap, second].
  const conv = parameter.layout === "conv";
  let torch = 0;
  for (let a = 0; a < first; a++)
    for (let b = 0; b < second; b++)
      for (let tap = 0; tap < taps; tap++, torch++) {
        const device = conv ? (tap * second + b) * first + a : (a * taps + tap) * second + b;
        if (toDevice) to[device] = from[torch] as number;
        else to[torch] = from[device] as number;
      }
}

/** The flat device buffer of a group. Throws `weights/missing` or `weights/shape`. */
export function packGroup(group: readonly Parameter[], tensors: StateDict): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(group.reduce((sum, parameter) => sum + parameter.size, 0));
  let offset = 0;
  for (const parameter of group) {
    const { data } = weightOf(tensors, parameter.name);
    if (data.length !== parameter.size)
      throw new LabError(
        "weights/shape",
        `${parameter.name} has ${data.length} numbers, the network needs ${parameter.size}.`,
        "Use weights that belong to this network.",
      );
    permute(parameter, data, flat.subarray(offset, offset + parameter.size), true);
    offset += parameter.size;
  }
  return flat;
}

/** The inverse of `packGroup`: adds the group's tensors to `out`. */
export function unpackGroup(group: readonly Parameter[], flat: Float32Array, out: StateDict): void {
  let offset = 0;
  for (const parameter of group) {
    const data = new Float32Array(parameter.size);
    permute(parameter, flat.subarray(offset, offset + parameter.size), data, false);
    out.set(parameter.name, { shape: parameter.shape, data });
    offset += parameter.size;
  }
}
