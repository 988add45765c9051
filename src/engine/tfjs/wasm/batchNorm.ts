import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Tf } from "../kernels";
import { floats, input, type KernelCall, matrixOf } from "./heap";

export const BATCH_NORM_TRAINING = "LabBatchNormTraining";
export const BATCH_NORM_GRADIENTS = "LabBatchNormGradients";

/** out = max(x·scale + shift, floor) per channel; without ReLU the floor is −∞. */
function affine(
  x: Float32Array,
  out: Float32Array,
  scale: Float64Array,
  shift: Float64Array,
  relu: boolean,
): void {
  const channels = scale.length;
  const floor = relu ? 0 : Number.NEGATIVE_INFINITY;
  for (let i = 0; i < x.length; i += channels)
    for (let c = 0; c < channels; c++) {
      const value = (x[i + c] as number) * (scale[c] as number) + (shift[c] as number);
      // A NaN stays one, so that the trainer sees it.
      out[i + c] = Math.max(value, floor);
    }
}

/**
 * BatchNorm in training mode with its ReLU, in two sweeps for the statistics (the second about the mean, in float64) and
 * one for the result, instead of a dozen elementwise ops with a temporary each.
 * x [N,H,W,C], gamma and beta [C] → [y, mean, biased variance].
 */
function training(call: KernelCall): TensorInfo[] {
  const { backend, attrs } = call;
  const epsilon = attrs["epsilon"] as number;
  const x = input(call, "x");
  const { count, channels } = matrixOf(x);
  const outputs = [
    backend.makeOutput(x.shape, "float32"),
    backend.makeOutput([channels], "float32"),
    backend.makeOutput([channels], "float32"),
  ] as const;
  const [y, mean, variance] = outputs.map((info) => floats(backend, info)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const values = floats(backend, x);
  const gamma = floats(backend, input(call, "gamma"));
  const beta = floats(backend, input(call, "beta"));
  const means = new Float64Array(channels);
  for (let i = 0; i < values.length; i += channels)
    for (let c = 0; c < channels; c++) means[c] = (means[c] as number) + (values[i + c] as number);
  for (let c = 0; c < channels; c++) means[c] = (means[c] as number) / count;
  const squares = new Float64Array(channels);
  for (let i = 0; i < values.length; i += channels)
    for (let c = 0; c < channels; c++) {
      const centred = (values[i + c] as number) - (means[c] as number);
      squares[c] = (squares[c] as number) + centred * centred;
    }
  const scale = new Float64Array(channels);
  const shift = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const biased = (squares[c] as number) / count;
    scale[c] = (gamma[c] as number) / Math.sqrt(biased + epsilon);
    shift[c] = (beta[c] as number) - (means[c] as number) * (scale[c] as number);
    mean[c] = means[c] as number;
    variance[c] = biased;
  }
  affine(values, y, scale, shift, attrs["relu"] === true);
  return [...outputs];
}

/**
 * Gradients of BatchNorm in training mode and of its ReLU, if `y` is given: two sweeps, the first of which leaves the
 * gradient behind the ReLU in dx.
 * dβ = Σ dy, dγ = Σ dy·x̂, dx = γ/σ · (dy − dβ/M − x̂·dγ/M), with x̂ = (x − mean)/σ and M = N·H·W.
 */
function gradients(call: KernelCall): TensorInfo[] {
  const { backend, attrs } = call;
  const epsilon = attrs["epsilon"] as number;
  const x = input(call, "x");
  const { count, channels } = matrixOf(x);
  const outputs = [
    backend.makeOutput(x.shape, "float32"),
    backend.makeOutput([channels], "float32"),
    backend.makeOutput([channels], "float32"),
  ] as const;
  const [dx, dGamma, dBeta] = outputs.map((info) => floats(backend, info)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const values = floats(backend, x);
  const given = floats(backend, input(call, "dy"));
  const y = call.inputs["y"] ? floats(backend, input(call, "y")) : null;
  const gamma = floats(backend, input(call, "gamma"));
  const mean = Float64Array.from(floats(backend, input(call, "mean")));
  const variance = floats(backend, input(call, "variance"));
  const sums = new Float64Array(channels);
  const products = new Float64Array(channels);
  for (let i = 0; i < values.length; i += channels)
    for (let c = 0; c < channels; c++) {
      const gradient = y && !((y[i + c] as number) > 0) ? 0 : (given[i + c] as number);
      dx[i + c] = gradient;
      sums[c] = (sums[c] as number) + gradient;
      products[c] = (products[c] as number) + gradient * ((values[i + c] as number) - (mean[c] as number));
    }
  // dx = a·dy + b·x + d, with the per-channel terms gathered.
  const a = new Float64Array(channels);
  const b = new Float64Array(channels);
  const d = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const inverseStd = 1 / Math.sqrt((variance[c] as number) + epsilon);
    const scale = (gamma[c] as number) * inverseStd;
    dBeta[c] = sums[c] as number;
    dGamma[c] = (products[c] as number) * inverseStd;
    a[c] = scale;
    b[c] = (-scale * inverseStd * inverseStd * (products[c] as number)) / count;
    d[c] = (-scale * (sums[c] as number)) / count - (b[c] as number) * (mean[c] as number);
  }
  for (let i = 0; i < values.length; i += channels)
    for (let c = 0; c < channels; c++)
      dx[i + c] =
        (a[c] as number) * (dx[i + c] as number) +
        (b[c] as number) * (values[i + c] as number) +
        (d[c] as number);
  return [...outputs];
}

export function registerBatchNorm(tf: Tf): void {
  const register = (kernelName: string, kernelFunc: (call: KernelCall) => TensorInfo[]): void =>
    tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc: kernelFunc as never });
  register(BATCH_NORM_TRAINING, training);
  register(BATCH_NORM_GRADIENTS, gradients);
}
