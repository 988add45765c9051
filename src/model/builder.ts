import type { ModelConfig } from "@/contracts/runConfig";
import type { GraphNode, NodeId } from "./graph";

type Distribute<T> = T extends unknown ? Omit<T, "id"> : never;
type NodeWithoutId = Distribute<GraphNode>;

/** Collects nodes in topological order; a node's id is its place in the list. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];

  add(node: NodeWithoutId): NodeId {
    const id = this.nodes.length;
    this.nodes.push({ ...node, id });
    return id;
  }

  /**
   * The block of U-Net and U-Net++: conv 3×3 → ReLU → conv 3×3 → BatchNorm → ReLU (`norm: "last"`), or with a BatchNorm
   * after the first convolution too (`"both"`). The numbers in the names are places in PyTorch's `nn.Sequential`.
   */
  block(input: NodeId, name: string, outChannels: number, norm: ModelConfig["norm"]): NodeId {
    const second = norm === "both" ? 3 : 2;
    let at = this.add({ op: "conv", input, name: `${name}.0`, kernel: 3, outChannels });
    if (norm === "both") at = this.add({ op: "batchNorm", input: at, name: `${name}.1` });
    at = this.add({ op: "relu", input: at });
    at = this.add({ op: "conv", input: at, name: `${name}.${second}`, kernel: 3, outChannels });
    at = this.add({ op: "batchNorm", input: at, name: `${name}.${second + 1}` });
    return this.add({ op: "relu", input: at });
  }
}
