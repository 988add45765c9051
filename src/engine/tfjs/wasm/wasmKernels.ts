import type { NamedTensorMap, Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type { Kernels, Tf } from "../kernels";
import { ADAM, registerAdam } from "./adam";
import { BATCH_NORM_GRADIENTS, BATCH_NORM_TRAINING, registerBatchNorm } from "./batchNorm";
import { registerConv2dBackpropFilter } from "./conv2dBackpropFilter";
import { registerConv2dBackpropInput } from "./conv2dBackpropInput";
import {
  CHANNEL_SUMS,
  CONCAT,
  CUT,
  LOSS,
  RELU_BIAS_GRADIENT,
  RELU_GRADIENT,
  registerElementwise,
} from "./elementwise";
import { registerMaxPoolGrad } from "./maxPoolGrad";

/** Adds the kernels that TensorFlow.js' WASM backend lacks or is slow at. Call once, before the backend starts. */
export function registerWasmKernels(tf: Tf): void {
  registerConv2dBackpropFilter(tf);
  registerConv2dBackpropInput(tf);
  registerMaxPoolGrad(tf);
  registerBatchNorm(tf);
  registerElementwise(tf);
  registerAdam(tf);
}

/** The core operations with those replaced for which WASM has an own kernel. */
export function wasmKernels(tf: Tf, core: Kernels): Kernels {
  const run = <T>(
    name: string,
    inputs: NamedTensorMap,
    attrs: Record<string, number | string | boolean | number[]> = {},
  ): T => tf.engine().runKernel(name, inputs, attrs) as T;
  return {
    ...core,
    channelSums: (dy) => run<Tensor1D>(CHANNEL_SUMS, { x: dy }),
    reluBiasGradient: (y, dy) => {
      const [masked, sums] = run<[Tensor4D, Tensor1D]>(RELU_BIAS_GRADIENT, { y, dy });
      return { masked, sums };
    },
    concat: (inputs) => run<Tensor4D>(CONCAT, Object.fromEntries(inputs.entries())),
    reluGradient: (y, dy) => run<Tensor4D>(RELU_GRADIENT, { y, dy }),
    batchNormTraining: (x, gamma, beta, relu, epsilon) => {
      const [y, mean, variance] = run<[Tensor4D, Tensor1D, Tensor1D]>(
        BATCH_NORM_TRAINING,
        { x, gamma, beta },
        { relu, epsilon },
      );
      return { y, mean, variance };
    },
    batchNormGradients: (x, y, dy, gamma, mean, variance, epsilon) => {
      const [dx, dGamma, dBeta] = run<[Tensor4D, Tensor1D, Tensor1D]>(
        BATCH_NORM_GRADIENTS,
        { x, ...(y ? { y } : {}), dy, gamma, mean, variance },
        { epsilon },
      );
      return { dx, dGamma, dBeta };
    },
    // XNNPACK multiplies only what is not transposed; the backend's other path is a plain loop.
    upconvGradients: (x, dy, weight) =>
      tf.tidy(() => {
        const [batch, height, width, channels] = x.shape;
        const swapped = tf.transpose(
          tf.reshape(dy, [batch * height, 2, width, 2 * dy.shape[3]]),
          [0, 2, 1, 3],
        );
        const blocks = tf.reshape(swapped, [-1, weight.shape[1]]) as Tensor2D;
        const transposed = (matrix: Tensor): Tensor2D => tf.transpose(matrix) as Tensor2D;
        return {
          dx: tf.reshape(tf.matMul(blocks, transposed(weight)), x.shape) as Tensor4D,
          dWeight: tf.matMul<Tensor2D>(transposed(tf.reshape(x, [-1, channels])), blocks),
        };
      }),
    channels: (x, offset, count) =>
      run<Tensor4D>(CUT, { x }, { offset, count, shape: [...x.shape.slice(0, 3), count] }),
    cut: (flat, offset, shape) => {
      const count = shape.reduce((product, side) => product * side, 1);
      return run<Tensor>(CUT, { x: flat }, { offset, count, shape: [...shape] });
    },
    loss: (kind, output, target) => {
      const [value, gradient] = run<[Tensor1D, Tensor4D]>(LOSS, { output, target }, { kind });
      return { value, gradient };
    },
    adam: (buffers, gradients, step) => {
      run<Tensor[]>(ADAM, { ...buffers, gradients }, { ...step });
      return buffers;
    },
  };
}
