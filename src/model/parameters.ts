import { SIZE_MULTIPLE } from "@/contracts/runConfig";
import type { Graph } from "./graph";
import { inferShapes } from "./shapes";

export type ParameterKind =
  | "convWeight"
  | "convBias"
  | "upconvWeight"
  | "upconvBias"
  | "normScale"
  | "normShift"
  | "runningMean"
  | "runningVariance"
  | "batchesTracked";

export interface Parameter {
  /** PyTorch's state-dict name. */
  readonly name: string;
  /** PyTorch's layout; [] for the scalar `num_batches_tracked`. */
  readonly shape: readonly number[];
  /** False for BatchNorm's buffers. */
  readonly trainable: boolean;
  readonly kind: ParameterKind;
  /** PyTorch's fan-in of the layer (its initialisation is U(±1/√fanIn)); 0 for BatchNorm. */
  readonly fanIn: number;
}

/** Every entry of the state dict, in PyTorch's order. Channel counts do not depend on the image size. */
export function parameterList(graph: Graph): Parameter[] {
  const shapes = inferShapes(graph, SIZE_MULTIPLE, SIZE_MULTIPLE);
  const list: Parameter[] = [];
  for (const node of graph.nodes) {
    if (node.op === "conv") {
      const inChannels = shapes[node.input]?.channels as number;
      const { name, kernel, outChannels } = node;
      const fanIn = inChannels * kernel * kernel;
      const shape = [outChannels, inChannels, kernel, kernel];
      list.push({ name: `${name}.weight`, shape, trainable: true, kind: "convWeight", fanIn });
      list.push({ name: `${name}.bias`, shape: [outChannels], trainable: true, kind: "convBias", fanIn });
    } else if (node.op === "upconv") {
      const inChannels = shapes[node.input]?.channels as number;
      const { name, outChannels } = node;
      // PyTorch takes the second side of the weight for the inputs, which in a transposed convolution are the outputs.
      const fanIn = outChannels * 4;
      const shape = [inChannels, outChannels, 2, 2];
      list.push({ name: `${name}.weight`, shape, trainable: true, kind: "upconvWeight", fanIn });
      list.push({ name: `${name}.bias`, shape: [outChannels], trainable: true, kind: "upconvBias", fanIn });
    } else if (node.op === "batchNorm") {
      const shape = [shapes[node.input]?.channels as number];
      const { name } = node;
      list.push({ name: `${name}.weight`, shape, trainable: true, kind: "normScale", fanIn: 0 });
      list.push({ name: `${name}.bias`, shape, trainable: true, kind: "normShift", fanIn: 0 });
      list.push({ name: `${name}.running_mean`, shape, trainable: false, kind: "runningMean", fanIn: 0 });
      list.push({ name: `${name}.running_var`, shape, trainable: false, kind: "runningVariance", fanIn: 0 });
      list.push({
        name: `${name}.num_batches_tracked`,
        shape: [],
        trainable: false,
        kind: "batchesTracked",
        fanIn: 0,
      });
    }
  }
  return list;
}

/** Values in a tensor of this shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, length) => count * length, 1);
}

/** Trainable numbers, as `sum(p.numel() for p in network.parameters())`. */
export function countParameters(graph: Graph): number {
  return parameterList(graph).reduce(
    (sum, { trainable, shape }) => sum + (trainable ? elementCount(shape) : 0),
    0,
  );
}
