import type { StateDict } from "@/contracts/tensors";
import type { Graph } from "@/model/graph";
import { initialWeights } from "@/model/init";

/**
 * Weights for comparing outputs: with PyTorch's initial ones activations of a network in evaluation mode fade from layer to
 * layer, and the output would hardly depend on the image. Uniform ±1/√fanIn has the variance 1/(3·fanIn); √6 times as
 * much keeps the variance through a convolution and its ReLU (He et al. 2015). Running statistics are not 0 and 1 either.
 */
export function inferenceWeights(graph: Graph): StateDict {
  const weights = initialWeights(graph, 1);
  for (const [name, { data }] of weights) {
    if (name.endsWith(".running_mean")) for (const c of data.keys()) data[c] = 0.1 * Math.sin(c);
    else if (name.endsWith(".running_var")) for (const c of data.keys()) data[c] = 1 + 0.3 * Math.cos(c);
    else if (name.endsWith(".weight") && (weights.get(name)?.shape.length ?? 0) === 4)
      for (const [i, weight] of data.entries()) data[i] = Math.sqrt(6) * weight;
  }
  return weights;
}
