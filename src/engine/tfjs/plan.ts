import { BATCH_NORM_EPSILON, type Graph, type GraphNode, type NodeId, nodeInputs } from "@/model/graph";

/**
 * What the tfjs executor runs: the graph's nodes in order, with a ReLU folded into the convolution or BatchNorm before
 * it where nothing else reads the value in between. A step's output goes by the id of the last node it covers.
 */
export type Step =
  | {
      readonly op: "conv";
      readonly input: NodeId;
      readonly output: NodeId;
      readonly name: string;
      readonly kernel: 1 | 3;
      readonly relu: boolean;
    }
  | { readonly op: "upconv"; readonly input: NodeId; readonly output: NodeId; readonly name: string }
  | {
      readonly op: "batchNorm";
      readonly input: NodeId;
      readonly output: NodeId;
      readonly name: string;
      readonly relu: boolean;
      readonly epsilon: number;
    }
  | { readonly op: "relu" | "maxPool" | "upsample"; readonly input: NodeId; readonly output: NodeId }
  | { readonly op: "concat"; readonly inputs: readonly NodeId[]; readonly output: NodeId }
  /** First less second. */
  | { readonly op: "subtract"; readonly inputs: readonly [NodeId, NodeId]; readonly output: NodeId };

export interface Plan {
  readonly input: NodeId;
  readonly output: NodeId;
  readonly steps: readonly Step[];
  /** Values that the backward pass reads; the others are freed after their last reader of the forward pass. */
  readonly saved: ReadonlySet<NodeId>;
  /** By step: the values that no later step reads. */
  readonly lastReads: readonly (readonly NodeId[])[];
  /** True for the values that lie behind a trainable parameter, so that their gradient is wanted. */
  readonly wantsGradient: ReadonlySet<NodeId>;
}

export function stepInputs(step: Step): readonly NodeId[] {
  return "inputs" in step ? step.inputs : [step.input];
}

function buildSteps(graph: Graph): Step[] {
  const readers = new Map<NodeId, GraphNode[]>();
  for (const node of graph.nodes)
    for (const input of nodeInputs(node)) readers.set(input, [...(readers.get(input) ?? []), node]);
  /** The ReLU to fold into `id`, if it is the only reader. */
  const soleRelu = (id: NodeId): NodeId | null => {
    const [first, ...others] = readers.get(id) ?? [];
    return id !== graph.output && first?.op === "relu" && others.length === 0 ? first.id : null;
  };
  const steps: Step[] = [];
  const folded = new Set<NodeId>();
  for (const node of graph.nodes) {
    if (node.op === "input" || folded.has(node.id)) continue;
    if (node.op === "conv" || node.op === "batchNorm") {
      const reluId = soleRelu(node.id);
      if (reluId !== null) folded.add(reluId);
      const common = {
        input: node.input,
        output: reluId ?? node.id,
        name: node.name,
        relu: reluId !== null,
      };
      steps.push(
        node.op === "conv"
          ? { op: "conv", kernel: node.kernel, ...common }
          : { op: "batchNorm", epsilon: node.epsilon ?? BATCH_NORM_EPSILON, ...common },
      );
    } else if (node.op === "concat") steps.push({ op: "concat", inputs: node.inputs, output: node.id });
    else if (node.op === "subtract") steps.push({ op: "subtract", inputs: node.inputs, output: node.id });
    else if (node.op === "upconv")
      steps.push({ op: "upconv", input: node.input, output: node.id, name: node.name });
    else steps.push({ op: node.op, input: node.input, output: node.id });
  }
  return steps;
}

/** Values that the gradient of `step` reads. */
function savedBy(step: Step): readonly NodeId[] {
  switch (step.op) {
    case "conv":
    case "batchNorm":
      return step.relu ? [step.input, step.output] : [step.input];
    case "upconv":
      return [step.input];
    case "maxPool":
      return [step.input, step.output];
    case "relu":
      return [step.output];
    case "upsample":
    case "concat":
    case "subtract":
      return [];
    default:
      return step satisfies never;
  }
}

export function makePlan(graph: Graph): Plan {
  const input = graph.nodes.find((node) => node.op === "input")?.id ?? 0;
  const steps = buildSteps(graph);
  const lastReader = new Map<NodeId, number>();
  steps.forEach((step, index) => {
    for (const id of stepInputs(step)) lastReader.set(id, index);
  });
  const lastReads: NodeId[][] = steps.map(() => []);
  for (const [id, index] of lastReader) if (id !== graph.output) lastReads[index]?.push(id);
  const wantsGradient = new Set<NodeId>();
  for (const step of steps)
    if ("name" in step || stepInputs(step).some((id) => wantsGradient.has(id)))
      wantsGradient.add(step.output);
  return {
    input,
    output: graph.output,
    steps,
    saved: new Set(steps.flatMap(savedBy)),
    lastReads,
    wantsGradient,
  };
}
