import type { ModelConfig } from "@/contracts/runConfig";
import { GraphBuilder } from "./builder";
import type { Graph } from "./graph";

/** Convolutions of the network: one that makes the channels, 15 between them, one that ends in one channel. */
export const DNCNN_CONVOLUTIONS = 17;
/** Of KAIR's BatchNorm, ten times PyTorch's default: a file of its names means this. */
export const DNCNN_EPSILON = 1e-4;

/**
 * Places of the convolutions in KAIR's `nn.Sequential`: each layer takes one for its convolution, one for its BatchNorm
 * where there is one (`norm: "last"`, all but the first and the last layer), and one for its ReLU (all but the last).
 */
export function dncnnPlaces(norm: ModelConfig["norm"]): number[] {
  const layer = norm === "none" ? 2 : 3;
  return Array.from({ length: DNCNN_CONVOLUTIONS }, (_, index) =>
    index === 0 ? 0 : 2 + (index - 1) * layer,
  );
}

/**
 * DnCNN (Zhang, Zuo, Chen, Meng & Zhang, IEEE Trans. Image Processing 26, 2017): conv 3×3 → ReLU, 15 times conv 3×3 → BatchNorm →
 * ReLU, conv 3×3 to one channel, which is the noise: the output is the input less that. Every layer has `width` channels
 * (the paper's 64) at full size, so any size of image will do. Names as in KAIR's `DnCNN` with 17 layers: `model.0`, `model.2`, …
 */
export function buildDnCNN({ width, norm }: ModelConfig): Graph {
  const builder = new GraphBuilder();
  const input = builder.add({ op: "input" });
  let at = input;
  for (const [index, place] of dncnnPlaces(norm).entries()) {
    const last = index === DNCNN_CONVOLUTIONS - 1;
    const outChannels = last ? 1 : width;
    at = builder.add({ op: "conv", input: at, name: `model.${place}`, kernel: 3, outChannels });
    if (last) break;
    if (norm !== "none" && index > 0)
      at = builder.add({ op: "batchNorm", input: at, name: `model.${place + 1}`, epsilon: DNCNN_EPSILON });
    at = builder.add({ op: "relu", input: at });
  }
  const output = builder.add({ op: "subtract", inputs: [input, at] });
  const name = `dncnn-w${width}${norm === "none" ? "-none" : ""}`;
  return { name, inputChannels: 1, nodes: builder.nodes, output };
}
