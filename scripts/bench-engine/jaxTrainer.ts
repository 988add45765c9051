import type { numpy } from "@jax-js/jax";
import { BATCH_NORM_EPSILON, type GraphNode, type NodeId, nodeInputs } from "@/model/graph";
import { watchDevice } from "./deviceWatch";
import type { MakeTrainer } from "./trainer";

type Jax = typeof import("@jax-js/jax");
type Arr = numpy.Array;
/** Parameters by name, as a tree that jax-js differentiates. */
type Parameters = Record<string, Arr>;

/** The matrix [2·size, size] of bilinear ×2 with aligned corners: output i lies at i·(size − 1)/(2·size − 1). */
function upsampleMatrix(np: Jax["numpy"], size: number): Arr {
  const rows = 2 * size;
  const matrix = new Float32Array(rows * size);
  for (let i = 0; i < rows; i++) {
    const position = (i * (size - 1)) / (rows - 1);
    const low = Math.min(Math.floor(position), size - 1);
    const high = Math.min(low + 1, size - 1);
    matrix[i * size + low] = (matrix[i * size + low] ?? 0) + 1 - (position - low);
    matrix[i * size + high] = (matrix[i * size + high] ?? 0) + position - low;
  }
  return np.array(matrix, { shape: [rows, size] });
}

/**
 * The network as jax-js code, NCHW. Arrays are owned by whom they are passed to: a value with several readers gives
 * each but the last a reference of its own.
 */
function forward(
  { numpy: np, lax, nn }: Jax,
  nodes: readonly GraphNode[],
  parameters: Parameters,
  x: Arr,
): Arr {
  const readers = new Map<NodeId, number>();
  for (const node of nodes) for (const id of nodeInputs(node)) readers.set(id, (readers.get(id) ?? 0) + 1);
  const values = new Map<NodeId, Arr>();
  const take = (id: NodeId): Arr => {
    const value = values.get(id);
    if (!value) throw new Error(`jax-js: node ${id} has no value`);
    const left = (readers.get(id) ?? 0) - 1;
    readers.set(id, left);
    return left > 0 ? value.ref : value;
  };
  const parameter = (name: string): Arr => {
    const found = parameters[name];
    if (!found) throw new Error(`jax-js: no parameter ${name}`);
    return found;
  };
  const channels = (name: string): Arr => parameter(name).reshape([1, -1, 1, 1]);
  const compute = (node: GraphNode): Arr => {
    switch (node.op) {
      case "input":
        return x;
      case "conv":
        return lax
          .conv(take(node.input), parameter(`${node.name}.weight`), [1, 1], "SAME")
          .add(channels(`${node.name}.bias`));
      case "upconv": {
        // As a matrix product: `lax.convTranspose` of jax-js 0.1.25 gives wrong numbers on WebGPU.
        const input = take(node.input);
        const [images = 1, inChannels = 1, height = 1, width = 1] = input.shape;
        const rows = input.transpose([0, 2, 3, 1]).reshape([images * height * width, inChannels]);
        const weight = parameter(`${node.name}.weight`).reshape([inChannels, -1]);
        return np
          .matmul(rows, weight)
          .reshape([images, height, width, node.outChannels, 2, 2])
          .transpose([0, 3, 1, 4, 2, 5])
          .reshape([images, node.outChannels, 2 * height, 2 * width])
          .add(channels(`${node.name}.bias`));
      }
      case "batchNorm": {
        const input = take(node.input);
        const mean = np.mean(input.ref, [0, 2, 3], { keepdims: true });
        const centred = input.sub(mean);
        const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
        return centred
          .div(np.sqrt(variance.add(node.epsilon ?? BATCH_NORM_EPSILON)))
          .mul(channels(`${node.name}.weight`))
          .add(channels(`${node.name}.bias`));
      }
      case "relu":
        return nn.relu(take(node.input));
      case "maxPool":
        return lax.reduceWindow(take(node.input), (window) => np.max(window), [2, 2], [2, 2]);
      case "upsample": {
        const input = take(node.input);
        const [, , height = 1, width = 1] = input.shape;
        const columns = np.matmul(input, upsampleMatrix(np, width).transpose());
        const rows = np.matmul(columns.transpose([0, 1, 3, 2]), upsampleMatrix(np, height).transpose());
        return rows.transpose([0, 1, 3, 2]);
      }
      case "concat":
        return np.concatenate(node.inputs.map(take), 1);
      case "subtract":
        return take(node.inputs[0]).sub(take(node.inputs[1]));
      default:
        return node satisfies never;
    }
  };
  let output = x;
  for (const node of nodes) {
    output = compute(node);
    values.set(node.id, output);
  }
  return output;
}

/** jax-js on WebGPU: one jitted function for forward, backward and Adam, as its documentation advises. Keeps no running statistics. */
export const makeJaxTrainer: MakeTrainer = async ({ graph, weights, images, size, adam, learningRate }) => {
  const jax: Jax = await import("@jax-js/jax");
  const { numpy: np, jit, valueAndGrad } = jax;
  if (!(await jax.init("webgpu")).includes("webgpu")) throw new Error("jax-js has no WebGPU backend here.");
  jax.defaultDevice("webgpu");
  const watch = watchDevice(jax.getWebGPUDevice());
  const { beta1, beta2, epsilon } = adam;
  const lossOf = (parameters: Parameters, noisy: Arr, clean: Arr): Arr =>
    np.mean(np.absolute(forward(jax, graph.nodes, parameters, noisy).sub(clean)));
  type State = { parameters: Parameters; first: Parameters; second: Parameters };
  /** `stepSize` is lr/(1 − β₁ᵗ), `correction` √(1 − β₂ᵗ). */
  const update = jit((state: State, noisy: Arr, clean: Arr, stepSize: Arr, correction: Arr) => {
    const references = Object.fromEntries(
      Object.entries(state.parameters).map(([name, array]) => [name, array.ref]),
    );
    const [loss, gradients] = valueAndGrad(lossOf)(references, noisy, clean);
    const next: State = { parameters: {}, first: {}, second: {} };
    for (const [name, gradient] of Object.entries(gradients as Parameters)) {
      const first = (state.first[name] as Arr).mul(beta1).add(gradient.ref.mul(1 - beta1));
      const second = (state.second[name] as Arr).mul(beta2).add(np.square(gradient).mul(1 - beta2));
      next.first[name] = first.ref;
      next.second[name] = second.ref;
      const denominator = np.sqrt(second).div(correction.ref).add(epsilon);
      next.parameters[name] = (state.parameters[name] as Arr).sub(first.mul(stepSize.ref).div(denominator));
    }
    stepSize.dispose();
    correction.dispose();
    return { loss, next };
  });
  const trainable = [...weights].filter(([name]) => !/running_(mean|var)$|num_batches_tracked$/.test(name));
  const tree = (make: (data: Float32Array<ArrayBuffer>) => Float32Array<ArrayBuffer>): Parameters =>
    Object.fromEntries(
      trainable.map(([name, { data, shape }]) => [name, np.array(make(data), { shape: [...shape] })]),
    );
  const zeros = (data: Float32Array): Float32Array<ArrayBuffer> => new Float32Array(data.length);
  let state: State = { parameters: tree((data) => data.slice()), first: tree(zeros), second: tree(zeros) };
  let steps = 0;
  return {
    name: "jax-js",
    step: async ({ noisy, clean }) => {
      steps++;
      const shape = [images, 1, size, size];
      const { loss, next } = update(
        state,
        np.array(noisy, { shape }),
        np.array(clean, { shape }),
        np.array([learningRate / (1 - beta1 ** steps)]),
        np.array([Math.sqrt(1 - beta2 ** steps)]),
      );
      state = next;
      const [value] = await loss.data();
      await jax.blockUntilReady(state);
      watch.throwIfFailed();
      return Number(value ?? Number.NaN);
    },
    dispose: async () => {
      for (const group of [state.parameters, state.first, state.second])
        for (const array of Object.values(group)) array.dispose();
      update.dispose();
    },
  };
};
