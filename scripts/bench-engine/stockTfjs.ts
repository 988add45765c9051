import type { Tensor, Tensor1D, Tensor4D, Variable } from "@tensorflow/tfjs-core";
import type { StateDict } from "@/contracts/tensors";
import { BATCH_NORM_EPSILON, type GraphNode, type NodeId, nodeInputs } from "@/model/graph";
import { watchDevice } from "./deviceWatch";
import { permute } from "./permute";
import type { MakeTrainer } from "./trainer";

type Tf = typeof import("@tensorflow/tfjs-core");

/** TensorFlow.js as it comes: its own device, kernels and gradients. */
export async function openStockTfjs(): Promise<{ readonly tf: Tf; readonly device: GPUDevice }> {
  const tf = await import("@tensorflow/tfjs-core");
  // It registers itself only where WebGPU is there by now.
  const { WebGPUBackend } = await import("@tensorflow/tfjs-backend-webgpu");
  await import("@tensorflow/tfjs-core/dist/register_all_gradients");
  await import("@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops");
  tf.enableProdMode();
  await tf.setBackend("webgpu");
  const backend = tf.backend();
  if (!(backend instanceof WebGPUBackend)) throw new Error("TensorFlow.js has no WebGPU backend here.");
  return { tf, device: backend.device };
}

/** The state dict in TensorFlow.js' layouts: convolutions [k, k, in, out], transposed ones [k, k, out, in]. */
export function stockWeights(tf: Tf, nodes: readonly GraphNode[], weights: StateDict): Map<string, Tensor> {
  const axes = new Map(
    nodes.flatMap((node): [string, readonly number[]][] => {
      if (node.op === "conv") return [[`${node.name}.weight`, [2, 3, 1, 0]]];
      return node.op === "upconv" ? [[`${node.name}.weight`, [2, 3, 1, 0]]] : [];
    }),
  );
  return new Map(
    [...weights]
      .filter(([name]) => !name.endsWith("num_batches_tracked"))
      .map(([name, tensor]) => {
        const { data, shape } = permute(tensor, axes.get(name) ?? tensor.shape.map((_, axis) => axis));
        return [name, tf.tensor(data, [...shape])];
      }),
  );
}

/** How a convolution and a BatchNorm, each with the ReLU after it, are computed: what training and inference differ in. */
export interface StockLayers {
  conv(x: Tensor4D, weight: Tensor4D, bias: Tensor1D, relu: boolean): Tensor4D;
  batchNorm(x: Tensor4D, name: string, relu: boolean): Tensor4D;
}

/** The network in TensorFlow.js' ops; `release` is told of each value that nothing reads any more. [N,H,W,1] → [N,H,W,1]. */
export function stockForward(
  tf: Tf,
  nodes: readonly GraphNode[],
  parameter: (name: string) => Tensor,
  layers: StockLayers,
  input: Tensor4D,
  release: (value: Tensor4D) => void,
): Tensor4D {
  const values = new Map<NodeId, Tensor4D>();
  const lastReader = new Map<NodeId, NodeId>();
  for (const node of nodes) for (const id of nodeInputs(node)) lastReader.set(id, node.id);
  const value = (id: NodeId): Tensor4D => {
    const found = values.get(id);
    if (!found) throw new Error(`tfjs: node ${id} has no value`);
    return found;
  };
  let output = input;
  for (const [at, node] of nodes.entries()) {
    const next = nodes[at + 1];
    const relu = next?.op === "relu" && next.input === node.id;
    output = compute(node, relu);
    values.set(node.id, output);
    for (const id of nodeInputs(node))
      if (lastReader.get(id) === node.id && value(id) !== output) release(value(id));
  }
  return output;

  function compute(node: GraphNode, relu: boolean): Tensor4D {
    switch (node.op) {
      case "input":
        return input;
      case "conv": {
        const weight = parameter(`${node.name}.weight`) as Tensor4D;
        return layers.conv(value(node.input), weight, parameter(`${node.name}.bias`) as Tensor1D, relu);
      }
      case "upconv": {
        const x = value(node.input);
        const [images, height, width] = x.shape;
        const shape: Tensor4D["shape"] = [images, 2 * height, 2 * width, node.outChannels];
        const y = tf.conv2dTranspose(x, parameter(`${node.name}.weight`) as Tensor4D, shape, 2, "same");
        return tf.add(y, parameter(`${node.name}.bias`));
      }
      case "batchNorm":
        return layers.batchNorm(value(node.input), node.name, relu);
      case "relu":
        // Done by the layer before it.
        return value(node.input);
      case "maxPool":
        return tf.maxPool(value(node.input), 2, 2, "valid");
      case "upsample": {
        const x = value(node.input);
        return tf.image.resizeBilinear(x, [2 * x.shape[1], 2 * x.shape[2]], true);
      }
      case "concat":
        return tf.concat(node.inputs.map(value), 3);
      case "subtract":
        return tf.sub(value(node.inputs[0]), value(node.inputs[1]));
      default:
        return node satisfies never;
    }
  }
}

/** Stock TensorFlow.js on WebGPU: eager ops, its own automatic gradients and Adam. Keeps no running statistics. */
export const makeStockTfjs: MakeTrainer = async (task) => {
  const { graph, images, size, adam, learningRate } = task;
  const { tf, device } = await openStockTfjs();
  const watch = watchDevice(device);
  const nodes = graph.nodes;
  const variables = new Map<string, Variable>();
  for (const [name, tensor] of stockWeights(tf, nodes, task.weights))
    if (!/running_(mean|var)$/.test(name)) variables.set(name, tf.variable(tensor));
    else tensor.dispose();
  const parameter = (name: string): Variable => {
    const found = variables.get(name);
    if (!found) throw new Error(`tfjs: no parameter ${name}`);
    return found;
  };
  const optimizer = tf.train.adam(learningRate, adam.beta1, adam.beta2, adam.epsilon);
  const layers: StockLayers = {
    conv: (x, weight, bias, relu) => {
      const y = tf.add<Tensor4D>(tf.conv2d(x, weight, 1, "same"), bias);
      return relu ? tf.relu(y) : y;
    },
    batchNorm: (x, name, relu) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      const shift = parameter(`${name}.bias`) as Tensor as Tensor1D;
      const scale = parameter(`${name}.weight`) as Tensor as Tensor1D;
      const y = tf.batchNorm(x, mean as Tensor1D, variance as Tensor1D, shift, scale, BATCH_NORM_EPSILON);
      return relu ? tf.relu(y as Tensor4D) : (y as Tensor4D);
    },
  };
  return {
    name: "tfjs-webgpu",
    step: async ({ noisy, clean }) => {
      // Another contender of the same page may have made its backend the current one.
      await tf.setBackend("webgpu");
      const input = tf.tensor4d(noisy, [images, size, size, 1]);
      const target = tf.tensor4d(clean, [images, size, size, 1]);
      const loss = optimizer.minimize(
        () => {
          const output = stockForward(tf, nodes, parameter, layers, input, () => undefined);
          return tf.mean(tf.abs(tf.sub(output, target)));
        },
        true,
        [...variables.values()],
      );
      const [value] = loss ? await loss.data() : [];
      tf.dispose([input, target, ...(loss ? [loss] : [])]);
      watch.throwIfFailed();
      return value ?? Number.NaN;
    },
    dispose: async () => {
      await tf.setBackend("webgpu");
      optimizer.dispose();
      for (const variable of variables.values()) variable.dispose();
      device.destroy();
    },
  };
};
