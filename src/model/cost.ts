import type { Graph } from "./graph";
import { inferShapes } from "./shapes";

/**
 * Floating-point operations of one image's forward pass: two per multiply–add of the convolutions and transposed
 * convolutions, nothing else (biases, BatchNorm, ReLU, pooling and upsampling add about one percent). A training step
 * takes about three times as many.
 */
export function forwardFlops(graph: Graph, height: number, width: number): number {
  const shapes = inferShapes(graph, height, width);
  let multiplyAdds = 0;
  for (const node of graph.nodes) {
    if (node.op !== "conv" && node.op !== "upconv") continue;
    const input = shapes[node.input];
    const output = shapes[node.id];
    if (!input || !output) continue;
    // Kernel and stride of a transposed convolution are equal, so each output pixel takes one tap.
    const taps = node.op === "conv" ? node.kernel * node.kernel : 1;
    multiplyAdds += taps * input.channels * output.channels * output.height * output.width;
  }
  return 2 * multiplyAdds;
}
