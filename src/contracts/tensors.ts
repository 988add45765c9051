/** A float32 tensor with its shape, row-major. Shared by weight files, checkpoints and engines. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/**
 * Tensors by PyTorch state-dict name, in PyTorch's layouts (convolution weights [out, in, kh, kw], transposed convolution
 * [in, out, kh, kw]). A full state dict holds BatchNorm's `running_mean` and `running_var` too (`num_batches_tracked`
 * as one float). Iteration order is the state dict's.
 */
export type StateDict = Map<string, Tensor>;

/** The loss scale of mixed precision, and good steps in a row since it changed. */
export interface LossScaleState {
  readonly scale: number;
  readonly goodSteps: number;
}

/** Adam's state: step count and the first and second moments of every trainable parameter. */
export interface OptimizerState {
  readonly step: number;
  /** With mixed precision only. */
  readonly lossScale?: LossScaleState;
  readonly firstMoments: StateDict;
  readonly secondMoments: StateDict;
}
