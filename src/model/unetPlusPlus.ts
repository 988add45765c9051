import type { ModelConfig } from "@/contracts/runConfig";
import { GraphBuilder } from "./builder";
import type { Graph, NodeId } from "./graph";

const LEVELS = 5;

/**
 * U-Net++: nodes X(i, j) on level i (width·2ⁱ channels), column j;
 * X(i, j) = block(concat[X(i, 0) … X(i, j−1), up(X(i+1, j−1))]), up = bilinear ×2 with aligned corners; the head reads
 * X(0, 4). Names: `conv{i}_{j}.block`, `final`. Column by column, as PyTorch's module lists its parameters.
 */
export function buildUNetPlusPlus({ width, norm }: ModelConfig): Graph {
  const builder = new GraphBuilder();
  const rows: NodeId[][] = [];
  let at = builder.add({ op: "input" });
  for (let level = 0; level < LEVELS; level++) {
    if (level > 0) at = builder.add({ op: "maxPool", input: at });
    at = builder.block(at, `conv${level}_0.block`, width * 2 ** level, norm);
    rows.push([at]);
  }
  for (let column = 1; column < LEVELS; column++)
    for (let level = 0; level < LEVELS - column; level++) {
      const row = rows[level] as NodeId[];
      const below = (rows[level + 1] as NodeId[])[column - 1] as NodeId;
      const up = builder.add({ op: "upsample", input: below });
      const joined = builder.add({ op: "concat", inputs: [...row, up] });
      at = builder.block(joined, `conv${level}_${column}.block`, width * 2 ** level, norm);
      row.push(at);
    }
  const output = builder.add({ op: "conv", input: at, name: "final", kernel: 1, outChannels: 1 });
  const name = `unetpp-w${width}${norm === "both" ? "-both" : ""}`;
  return { name, inputChannels: 1, nodes: builder.nodes, output };
}
