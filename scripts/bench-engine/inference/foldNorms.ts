import type { StateDict, Tensor } from "@/contracts/tensors";
import { BATCH_NORM_EPSILON, type GraphNode, type NodeId } from "@/model/graph";

export interface FoldedNetwork {
  readonly nodes: readonly GraphNode[];
  readonly weights: StateDict;
}

/**
 * The same network in evaluation mode without BatchNorm: each is a scale and a shift of the convolution before it, so its
 * weights take them over, as converters to inference formats do.
 */
export function foldNorms(nodes: readonly GraphNode[], weights: StateDict): FoldedNetwork {
  const folded = new Map(weights);
  const tensor = (name: string): Tensor => {
    const found = folded.get(name);
    if (!found) throw new Error(`no weights ${name}`);
    return found;
  };
  const convOf = new Map(
    nodes.flatMap((node) => (node.op === "conv" ? [[node.id, node.name] as const] : [])),
  );
  /** Where a removed BatchNorm's readers read instead. */
  const replaced = new Map<NodeId, NodeId>();
  const source = (id: NodeId): NodeId => replaced.get(id) ?? id;
  const kept: GraphNode[] = [];
  for (const node of nodes) {
    if (node.op === "input") kept.push(node);
    else if (node.op === "concat") kept.push({ ...node, inputs: node.inputs.map(source) });
    else if (node.op === "subtract")
      kept.push({ ...node, inputs: [source(node.inputs[0]), source(node.inputs[1])] });
    else if (node.op !== "batchNorm") kept.push({ ...node, input: source(node.input) });
    else {
      const conv = convOf.get(node.input);
      if (conv === undefined) throw new Error(`${node.name} follows no convolution`);
      const [scales, shifts, means, variances] = ["weight", "bias", "running_mean", "running_var"].map(
        (part) => tensor(`${node.name}.${part}`).data,
      );
      const factor = (channel: number): number =>
        (scales?.[channel] ?? 1) /
        Math.sqrt((variances?.[channel] ?? 1) + (node.epsilon ?? BATCH_NORM_EPSILON));
      const { shape, data } = tensor(`${conv}.weight`);
      const perChannel = data.length / (shape[0] ?? 1);
      const bias = tensor(`${conv}.bias`);
      folded.set(`${conv}.weight`, {
        shape,
        data: data.map((weight, i) => weight * factor(Math.floor(i / perChannel))),
      });
      folded.set(`${conv}.bias`, {
        shape: bias.shape,
        data: bias.data.map((b, c) => (b - (means?.[c] ?? 0)) * factor(c) + (shifts?.[c] ?? 0)),
      });
      replaced.set(node.id, node.input);
    }
  }
  return { nodes: kept, weights: folded };
}
