import { LabError } from "@/contracts/failure";
import { BATCH_NORM_EPSILON, type Graph, type GraphNode, type NodeId, nodeInputs } from "@/model/graph";
import { inferShapes } from "@/model/shapes";

export type FeatureId = number;

/**
 * A tensor that exists on the device. How its readers see it: z·scale + shift where `norm` names a BatchNorm, then max(0, ·)
 * where `relu`. `storedRelu`: the ReLU was applied before it was stored.
 */
export interface Feature {
  readonly id: FeatureId;
  readonly label: string;
  /** As in the graph; on the device padded to a multiple of 4, except for the network's input. */
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly norm: string | null;
  readonly relu: boolean;
  readonly storedRelu: boolean;
}

/** What the engine runs: a graph's nodes with concat, BatchNorm's application and ReLU folded into their neighbours. */
export type Stage =
  | {
      readonly op: "conv";
      readonly name: string;
      readonly sources: readonly FeatureId[];
      readonly output: FeatureId;
    }
  /** Statistics of a stored feature and the scale and shift that its readers apply. */
  | { readonly op: "norm"; readonly name: string; readonly feature: FeatureId; readonly epsilon: number }
  | { readonly op: "upconv"; readonly name: string; readonly source: FeatureId; readonly output: FeatureId }
  | { readonly op: "maxPool" | "upsample"; readonly source: FeatureId; readonly output: FeatureId }
  /** The 1×1 convolution to one channel that ends the network. */
  | { readonly op: "head"; readonly name: string; readonly source: FeatureId }
  /** The network's input less this feature of one channel, which ends the network. */
  | { readonly op: "residual"; readonly source: FeatureId };

/** A stage that makes a feature, in the same way in training and inference. */
export type FeatureStage = Exclude<Stage, { op: "norm" | "head" | "residual" }>;

export interface Lowered {
  readonly graph: Graph;
  readonly height: number;
  readonly width: number;
  readonly input: FeatureId;
  readonly features: readonly Feature[];
  readonly stages: readonly Stage[];
}

type Draft = { -readonly [Key in keyof Feature]: Feature[Key] };

const unsupported = (node: GraphNode, why: string): LabError =>
  new LabError(
    "engine/unsupported",
    `The webgpu engine cannot run node ${node.id} (${node.op}) of this network: ${why}.`,
    "Choose another engine for this network.",
  );

/**
 * Fuses a graph at one image size. A concat becomes a list of sources; a BatchNorm behind a convolution and a ReLU behind it
 * become part of how the convolution's output is read; a ReLU right behind a convolution goes into its epilogue.
 * Throws `shape/…` for a size that does not fit and `engine/unsupported` for a graph of another form.
 */
export function lower(graph: Graph, height: number, width: number): Lowered {
  const shapes = inferShapes(graph, height, width);
  const readers = countReaders(graph);
  const features: Draft[] = [];
  const stages: Stage[] = [];
  /** By node: the features that its value is made of, in the order of channels. */
  const views = new Map<NodeId, readonly Draft[]>();
  const viewOf = (id: NodeId): readonly Draft[] => views.get(id) ?? [];
  let input: FeatureId | null = null;
  let ended = false;

  const feature = (node: GraphNode, label: string): Draft => {
    const {
      channels,
      height: rows,
      width: columns,
    } = shapes[node.id] ?? { channels: 0, height: 0, width: 0 };
    const made: Draft = {
      id: features.length,
      label,
      channels,
      height: rows,
      width: columns,
      norm: null,
      relu: false,
      storedRelu: false,
    };
    features.push(made);
    views.set(node.id, [made]);
    return made;
  };
  const single = (node: GraphNode, id: NodeId): Draft => {
    const [only, ...others] = viewOf(id);
    if (!only || others.length > 0) throw unsupported(node, "it reads a concat");
    return only;
  };
  /** The stored feature behind `id`, if nobody else reads it as it is. */
  const owned = (node: GraphNode, id: NodeId): Draft => {
    const found = single(node, id);
    if (readers.get(id) !== 1) throw unsupported(node, "its input has other readers");
    if (found.id === input) throw unsupported(node, "it reads the network's input");
    return found;
  };

  for (const node of graph.nodes) {
    if (ended) throw unsupported(node, "it comes after the network's output");
    switch (node.op) {
      case "input":
        if (graph.inputChannels !== 1) throw unsupported(node, "the input has more than one channel");
        input = feature(node, "input").id;
        break;
      case "conv":
        if (node.kernel === 1) {
          if (node.id !== graph.output || node.outChannels !== 1)
            throw unsupported(node, "a 1×1 convolution must end the network in one channel");
          stages.push({ op: "head", name: node.name, source: single(node, node.input).id });
          ended = true;
        } else {
          const sources = viewOf(node.input).map(({ id }) => id);
          stages.push({ op: "conv", name: node.name, sources, output: feature(node, node.name).id });
        }
        break;
      case "upconv": {
        const source = single(node, node.input).id;
        stages.push({ op: "upconv", name: node.name, source, output: feature(node, node.name).id });
        break;
      }
      case "batchNorm": {
        const stored = owned(node, node.input);
        if (stored.norm !== null || stored.relu || stored.storedRelu)
          throw unsupported(node, "it follows a BatchNorm or ReLU");
        stored.norm = node.name;
        const epsilon = node.epsilon ?? BATCH_NORM_EPSILON;
        stages.push({ op: "norm", name: node.name, feature: stored.id, epsilon });
        views.set(node.id, [stored]);
        break;
      }
      case "relu": {
        const stored = owned(node, node.input);
        if (stored.norm !== null) stored.relu = true;
        else if (stages.some((stage) => stage.op === "conv" && stage.output === stored.id))
          stored.storedRelu = true;
        else throw unsupported(node, "it follows neither a convolution nor a BatchNorm");
        views.set(node.id, [stored]);
        break;
      }
      case "maxPool":
      case "upsample": {
        const source = single(node, node.input);
        stages.push({
          op: node.op,
          source: source.id,
          output: feature(node, `${node.op} of ${source.label}`).id,
        });
        break;
      }
      case "concat":
        views.set(node.id, node.inputs.flatMap(viewOf));
        break;
      case "subtract": {
        const [minuend, subtrahend] = node.inputs;
        if (node.id !== graph.output || single(node, minuend).id !== input)
          throw unsupported(node, "a difference must end the network and begin with its input");
        const source = owned(node, subtrahend);
        if (source.norm !== null || source.relu || source.storedRelu)
          throw unsupported(node, "what it subtracts is normalised or rectified");
        stages.push({ op: "residual", source: source.id });
        ended = true;
        break;
      }
      default:
        node satisfies never;
    }
  }
  if (!ended || input === null)
    throw new LabError(
      "engine/unsupported",
      "The webgpu engine runs networks with one input that end in a 1×1 convolution to one channel, or in their input less one.",
      "Choose another engine for this network.",
    );
  return { graph, height, width, input, features, stages };
}

function countReaders(graph: Graph): Map<NodeId, number> {
  const counts = new Map<NodeId, number>();
  for (const node of graph.nodes) {
    for (const id of nodeInputs(node)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** Features that a stage reads. */
export function sourcesOf(stage: Stage): readonly FeatureId[] {
  if (stage.op === "conv") return stage.sources;
  return stage.op === "norm" ? [stage.feature] : [stage.source];
}
