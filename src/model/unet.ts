import type { ModelConfig } from "@/contracts/runConfig";
import { GraphBuilder } from "./builder";
import type { Graph, NodeId } from "./graph";

const LEVELS = 5;

/**
 * U-Net: five levels of width·2ⁱ channels, down by 2×2 maximum, up by 2×2 transposed convolution, concat [skip, up],
 * a 1×1 convolution at the end. Names: `conv1` … `conv5` down, `upconv6`/`conv6` … `upconv9`/`conv9` up, `final_conv`.
 */
export function buildUNet({ width, norm }: ModelConfig): Graph {
  const builder = new GraphBuilder();
  const skips: NodeId[] = [];
  let at = builder.add({ op: "input" });
  for (let level = 0; level < LEVELS; level++) {
    if (level > 0) at = builder.add({ op: "maxPool", input: at });
    at = builder.block(at, `conv${level + 1}`, width * 2 ** level, norm);
    skips.push(at);
  }
  for (let level = LEVELS - 2; level >= 0; level--) {
    const step = 2 * LEVELS - 1 - level;
    const outChannels = width * 2 ** level;
    const up = builder.add({ op: "upconv", input: at, name: `upconv${step}`, outChannels });
    const joined = builder.add({ op: "concat", inputs: [skips[level] as NodeId, up] });
    at = builder.block(joined, `conv${step}`, outChannels, norm);
  }
  const output = builder.add({ op: "conv", input: at, name: "final_conv", kernel: 1, outChannels: 1 });
  const name = `unet-w${width}${norm === "both" ? "-both" : ""}`;
  return { name, inputChannels: 1, nodes: builder.nodes, output };
}
