import { PURPOSE, RandomStream } from "@/contracts/random";
import type { StateDict } from "@/contracts/tensors";
import type { Graph } from "./graph";
import { elementCount, parameterList } from "./parameters";

/**
 * A fresh state dict with the distributions of PyTorch's defaults: convolutions and transposed convolutions Kaiming
 * uniform with a = √5, which is U(±1/√fan_in), biases the same; BatchNorm γ 1, β 0, mean 0, variance 1, no batches.
 * The numbers come from the stream (seed, initialWeights, place in the state dict): same seed, same bits.
 */
export function initialWeights(graph: Graph, seed: number): StateDict {
  const weights: StateDict = new Map();
  parameterList(graph).forEach(({ name, shape, kind, fanIn }, index) => {
    const data = new Float32Array(elementCount(shape));
    switch (kind) {
      case "convWeight":
      case "convBias":
      case "upconvWeight":
      case "upconvBias":
        fillUniform(data, 1 / Math.sqrt(fanIn), new RandomStream(seed, PURPOSE.initialWeights, index));
        break;
      case "normScale":
      case "runningVariance":
        data.fill(1);
        break;
      case "normShift":
      case "runningMean":
      case "batchesTracked":
        break;
      default:
        kind satisfies never;
    }
    weights.set(name, { shape, data });
  });
  return weights;
}

/** U(−bound, bound): one 32-bit draw a number, the centre of its interval, so that it is symmetric. */
function fillUniform(data: Float32Array, bound: number, stream: RandomStream): void {
  const scale = (2 * bound) / 4294967296;
  for (let i = 0; i < data.length; i++) data[i] = (stream.nextUint32() + 0.5) * scale - bound;
}
