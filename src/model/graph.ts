/**
 * Networks as data. A graph is a list of nodes in topological order; every tensor is NHWC with batch left open.
 * Engines compile it; names of parameters are PyTorch's state-dict names.
 */
export type NodeId = number;

export type GraphNode =
  | { readonly op: "input"; readonly id: NodeId }
  /** Square kernel, stride 1, zero padding (kernel−1)/2, with bias. Parameters `name.weight` [out, in, k, k], `name.bias` [out]. */
  | {
      readonly op: "conv";
      readonly id: NodeId;
      readonly input: NodeId;
      readonly name: string;
      readonly kernel: 1 | 3;
      readonly outChannels: number;
    }
  /** Transposed convolution 2×2, stride 2, with bias. Parameters `name.weight` [in, out, 2, 2], `name.bias` [out]. */
  | {
      readonly op: "upconv";
      readonly id: NodeId;
      readonly input: NodeId;
      readonly name: string;
      readonly outChannels: number;
    }
  /** BatchNorm2d, momentum 0.1: `name.weight`, `.bias`, `.running_mean`, `.running_var`, `.num_batches_tracked`. */
  | {
      readonly op: "batchNorm";
      readonly id: NodeId;
      readonly input: NodeId;
      readonly name: string;
      /** Added to the variance; absent: `BATCH_NORM_EPSILON`, PyTorch's default. */
      readonly epsilon?: number;
    }
  | { readonly op: "relu"; readonly id: NodeId; readonly input: NodeId }
  /** 2×2 maximum, stride 2; H and W even. */
  | { readonly op: "maxPool"; readonly id: NodeId; readonly input: NodeId }
  /** Bilinear ×2 with align_corners = true. */
  | { readonly op: "upsample"; readonly id: NodeId; readonly input: NodeId }
  /** Along channels, in this order. */
  | { readonly op: "concat"; readonly id: NodeId; readonly inputs: readonly NodeId[] }
  /** First less second, value by value; both of one shape. */
  | { readonly op: "subtract"; readonly id: NodeId; readonly inputs: readonly [NodeId, NodeId] };

export interface Graph {
  /** `unet`, `unetpp` or `dncnn` with what sets it apart, e.g. `unet-w8`. */
  readonly name: string;
  readonly inputChannels: number;
  readonly nodes: readonly GraphNode[];
  readonly output: NodeId;
}

/** Nodes whose output a node reads, in its order. */
export function nodeInputs(node: GraphNode): readonly NodeId[] {
  if (node.op === "input") return [];
  return "inputs" in node ? node.inputs : [node.input];
}

export const BATCH_NORM_EPSILON = 1e-5;
/** PyTorch's momentum: running = 0.9·running + 0.1·batch; the running variance takes the unbiased batch variance. */
export const BATCH_NORM_MOMENTUM = 0.1;
