import { LabError } from "@/contracts/failure";
import { SIZE_MULTIPLE } from "@/contracts/runConfig";
import type { Graph, NodeId } from "./graph";

export interface FeatureShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

const side = (shape: FeatureShape): string => `${shape.height}×${shape.width}`;

/**
 * Shape of every node's output for inputs of height × width, by node id.
 * Failures: `shape/size` (a side that does not halve), `shape/concat` and `shape/subtract` (partners of different size), `shape/order` (a node
 * that reads what does not come before it).
 */
export function inferShapes(graph: Graph, height: number, width: number): FeatureShape[] {
  const shapes: FeatureShape[] = [];
  if (!Number.isInteger(height) || !Number.isInteger(width) || height < 1 || width < 1)
    throw sizeError(`An image of ${height}×${width} has no pixels for ${graph.name}.`);
  const shapeOf = (reader: NodeId, id: NodeId): FeatureShape => {
    const shape = shapes[id];
    if (!shape)
      throw new LabError(
        "shape/order",
        `Node ${reader} of ${graph.name} reads node ${id}, which does not come before it.`,
        "List the nodes in topological order.",
      );
    return shape;
  };
  for (const node of graph.nodes) {
    switch (node.op) {
      case "input":
        shapes[node.id] = { channels: graph.inputChannels, height, width };
        break;
      case "conv":
        shapes[node.id] = { ...shapeOf(node.id, node.input), channels: node.outChannels };
        break;
      case "upconv":
        shapes[node.id] = { ...scaled(shapeOf(node.id, node.input), 2), channels: node.outChannels };
        break;
      case "batchNorm":
      case "relu":
        shapes[node.id] = shapeOf(node.id, node.input);
        break;
      case "maxPool": {
        const input = shapeOf(node.id, node.input);
        if (input.height % 2 !== 0 || input.width % 2 !== 0)
          throw sizeError(
            `${height}×${width} does not halve at every level of ${graph.name} (${side(input)} is odd).`,
          );
        shapes[node.id] = scaled(input, 0.5);
        break;
      }
      case "upsample":
        shapes[node.id] = scaled(shapeOf(node.id, node.input), 2);
        break;
      case "subtract": {
        const [first, second] = node.inputs.map((input) => shapeOf(node.id, input)) as [
          FeatureShape,
          FeatureShape,
        ];
        if (first.channels !== second.channels || side(first) !== side(second))
          throw new LabError(
            "shape/subtract",
            `${second.channels} channels of ${side(second)} cannot be subtracted from ${first.channels} of ${side(first)}.`,
            "Subtract what has the same shape.",
          );
        shapes[node.id] = first;
        break;
      }
      case "concat":
        shapes[node.id] = joined(node.inputs.map((input) => shapeOf(node.id, input)));
        break;
      default:
        node satisfies never;
    }
  }
  return shapes;
}

function scaled(shape: FeatureShape, factor: number): FeatureShape {
  return { channels: shape.channels, height: shape.height * factor, width: shape.width * factor };
}

function joined(inputs: readonly FeatureShape[]): FeatureShape {
  const [first, ...rest] = inputs;
  if (!first)
    throw new LabError("shape/concat", "A concat has no inputs.", "Give it at least one node to read.");
  for (const other of rest)
    if (other.height !== first.height || other.width !== first.width)
      throw new LabError(
        "shape/concat",
        `Skip ${side(first)} ≠ ${side(other)}.`,
        `Use a size divisible by ${SIZE_MULTIPLE}.`,
      );
  return { ...first, channels: inputs.reduce((sum, input) => sum + input.channels, 0) };
}

const sizeError = (message: string): LabError =>
  new LabError("shape/size", message, `Use a height and a width divisible by ${SIZE_MULTIPLE}.`);
