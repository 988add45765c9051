import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";

/** The module `@tensorflow/tfjs-core`, which is only ever imported dynamically. */
export type Tf = typeof import("@tensorflow/tfjs-core");

export interface AdamStep {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly learningRate: number;
  /** 1 − β₁ᵗ and 1 − β₂ᵗ of this step. */
  readonly correction1: number;
  readonly correction2: number;
}

/** A parameter group's buffers: values, first and second moments. */
export interface AdamBuffers {
  readonly values: Tensor1D;
  readonly firstMoments: Tensor1D;
  readonly secondMoments: Tensor1D;
}

/**
 * The network's operations and their gradients on one backend. Images are NHWC. Every function returns new tensors and
 * leaves its arguments alive, except `adam`, which takes over the buffers it is given.
 */
export interface Kernels {
  /** Stride 1, zero padding (k−1)/2. x [N,H,W,in], weight [k,k,in,out] → [N,H,W,out]. */
  conv(x: Tensor4D, weight: Tensor4D, bias: Tensor1D, relu: boolean): Tensor4D;
  /** dy [N,H,W,out] → [N,H,W,in]. */
  convInputGradient(dy: Tensor4D, weight: Tensor4D): Tensor4D;
  /** → [k,k,in,out]. */
  convFilterGradient(x: Tensor4D, dy: Tensor4D, kernel: number): Tensor4D;
  /** [N,H,W,C] → [C], the gradient of a bias. */
  channelSums(dy: Tensor4D): Tensor1D;
  /** The gradient before a ReLU with output y, and its channel sums. */
  reluBiasGradient(y: Tensor4D, dy: Tensor4D): { readonly masked: Tensor4D; readonly sums: Tensor1D };
  /** Transposed convolution 2×2, stride 2. x [N,H,W,in], weight [in, 4·out] → [N,2H,2W,out]. */
  upconv(x: Tensor4D, weight: Tensor2D, bias: Tensor1D): Tensor4D;
  upconvGradients(
    x: Tensor4D,
    dy: Tensor4D,
    weight: Tensor2D,
  ): { readonly dx: Tensor4D; readonly dWeight: Tensor2D };
  /** Normalised by the batch; `variance` is the biased one. */
  batchNormTraining(
    x: Tensor4D,
    gamma: Tensor1D,
    beta: Tensor1D,
    relu: boolean,
    epsilon: number,
  ): { readonly y: Tensor4D; readonly mean: Tensor1D; readonly variance: Tensor1D };
  batchNormInference(
    x: Tensor4D,
    gamma: Tensor1D,
    beta: Tensor1D,
    mean: Tensor1D,
    variance: Tensor1D,
    relu: boolean,
    epsilon: number,
  ): Tensor4D;
  /** dy is the gradient of the output; with `y`, of the ReLU's output y. */
  batchNormGradients(
    x: Tensor4D,
    y: Tensor4D | null,
    dy: Tensor4D,
    gamma: Tensor1D,
    mean: Tensor1D,
    variance: Tensor1D,
    epsilon: number,
  ): { readonly dx: Tensor4D; readonly dGamma: Tensor1D; readonly dBeta: Tensor1D };
  relu(x: Tensor4D): Tensor4D;
  /** dy where the output y is positive, else 0. */
  reluGradient(y: Tensor4D, dy: Tensor4D): Tensor4D;
  /** 2×2, stride 2. */
  maxPool(x: Tensor4D): Tensor4D;
  /** To the first maximum of each window in reading order, as PyTorch does. */
  maxPoolGradient(x: Tensor4D, y: Tensor4D, dy: Tensor4D): Tensor4D;
  /** Along channels. */
  concat(inputs: readonly Tensor4D[]): Tensor4D;
  /** `count` channels from `offset` on. */
  channels(x: Tensor4D, offset: number, count: number): Tensor4D;
  /** As many numbers of a flat buffer from `offset` on as `shape` holds. */
  cut(flat: Tensor1D, offset: number, shape: readonly number[]): Tensor;
  /** Bilinear ×2, align_corners = true. */
  upsample(x: Tensor4D): Tensor4D;
  upsampleGradient(dy: Tensor4D): Tensor4D;
  /** Mean |d| or mean d² over all numbers as [1], and its gradient by `output`. */
  loss(
    kind: "l1" | "l2",
    output: Tensor4D,
    target: Tensor4D,
  ): { readonly value: Tensor1D; readonly gradient: Tensor4D };
  /** torch.optim.Adam: p ← p − lr/c₁ · m / (√v/√c₂ + ε). The old buffers are disposed of, or written in place. */
  adam(buffers: AdamBuffers, gradients: Tensor1D, step: AdamStep): AdamBuffers;
}
