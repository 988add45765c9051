import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Tf } from "../kernels";
import { floats, input, type KernelCall, matrixOf } from "./heap";

export const CHANNEL_SUMS = "LabChannelSums";
export const RELU_GRADIENT = "LabReluGradient";
export const LOSS = "LabLoss";
export const CUT = "LabCut";
export const CONCAT = "LabConcat";
export const RELU_BIAS_GRADIENT = "LabReluBiasGradient";

/** x [M,C] → [C], summed in float64. The backend's own sum over rows transposes first. */
function channelSums(call: KernelCall): TensorInfo {
  const { backend } = call;
  const x = input(call, "x");
  const { channels } = matrixOf(x);
  const out = backend.makeOutput([channels], "float32");
  const values = floats(backend, x);
  const sums = new Float64Array(channels);
  for (let i = 0; i < values.length; i += channels)
    for (let c = 0; c < channels; c++) sums[c] = (sums[c] as number) + (values[i + c] as number);
  floats(backend, out).set(sums);
  return out;
}

/** dy where y > 0, else 0; one sweep. */
function reluGradient(call: KernelCall): TensorInfo {
  const { backend } = call;
  const info = input(call, "y");
  const out = backend.makeOutput(info.shape, "float32");
  const dx = floats(backend, out);
  const y = floats(backend, info);
  const dy = floats(backend, input(call, "dy"));
  for (let i = 0; i < dx.length; i++) dx[i] = (y[i] as number) > 0 ? (dy[i] as number) : 0;
  return out;
}

/** The gradient before a ReLU and its channel sums: one sweep for both. [masked, sums]. */
function reluBiasGradient(call: KernelCall): TensorInfo[] {
  const { backend } = call;
  const info = input(call, "y");
  const { channels } = matrixOf(info);
  const outputs = [
    backend.makeOutput(info.shape, "float32"),
    backend.makeOutput([channels], "float32"),
  ] as const;
  const masked = floats(backend, outputs[0]);
  const y = floats(backend, info);
  const dy = floats(backend, input(call, "dy"));
  const sums = new Float64Array(channels);
  for (let i = 0; i < masked.length; i += channels)
    for (let c = 0; c < channels; c++) {
      const gradient = (y[i + c] as number) > 0 ? (dy[i + c] as number) : 0;
      masked[i + c] = gradient;
      sums[c] = (sums[c] as number) + gradient;
    }
  floats(backend, outputs[1]).set(sums);
  return [...outputs];
}

/** Inputs `0`, `1`, … [N,H,W,Cᵢ] → [N,H,W,ΣCᵢ]. The backend's own copies row by row through views. */
function concat(call: KernelCall): TensorInfo {
  const { backend } = call;
  const parts = Object.keys(call.inputs).map((_, index) => input(call, String(index)));
  const channels = parts.reduce((sum, part) => sum + matrixOf(part).channels, 0);
  const shape = parts[0]?.shape ?? [];
  const out = backend.makeOutput([...shape.slice(0, -1), channels], "float32");
  const to = floats(backend, out);
  let offset = 0;
  for (const part of parts) {
    const from = floats(backend, part);
    const own = matrixOf(part).channels;
    for (let i = 0, row = offset; i < from.length; row += channels)
      for (let c = 0; c < own; c++) to[row + c] = from[i++] as number;
    offset += own;
  }
  return out;
}

/** Mean |d| or mean d² as [1], summed in float64, and the gradient by the output: sign(d)/M or 2d/M, sign(0) = 0. */
function loss(call: KernelCall): TensorInfo[] {
  const { backend, attrs } = call;
  const info = input(call, "output");
  const outputs = [backend.makeOutput([1], "float32"), backend.makeOutput(info.shape, "float32")] as const;
  const gradient = floats(backend, outputs[1]);
  const output = floats(backend, info);
  const target = floats(backend, input(call, "target"));
  const l1 = attrs["kind"] === "l1";
  const count = output.length;
  let total = 0;
  for (let i = 0; i < count; i++) {
    const difference = (output[i] as number) - (target[i] as number);
    total += l1 ? Math.abs(difference) : difference * difference;
    gradient[i] = (l1 ? Math.sign(difference) : 2 * difference) / count;
  }
  floats(backend, outputs[0])[0] = total / count;
  return [...outputs];
}

/**
 * x [M,C] → [M,count] from channel `offset` on, given back in `shape`. The backend's own slice copies the whole tensor to
 * the JavaScript side first, however small the part: 35 ms a step for the parameters of a small U-Net.
 */
function cut(call: KernelCall): TensorInfo {
  const { backend } = call;
  const info = input(call, "x");
  const { channels } = matrixOf(info);
  const { offset, count, shape } = call.attrs as { offset: number; count: number; shape: number[] };
  const out = backend.makeOutput(shape, "float32");
  const from = floats(backend, info);
  const to = floats(backend, out);
  if (channels === from.length) to.set(from.subarray(offset, offset + count));
  else
    for (let i = 0, row = offset; i < to.length; row += channels)
      for (let c = 0; c < count; c++) to[i++] = from[row + c] as number;
  return out;
}

export function registerElementwise(tf: Tf): void {
  const register = (kernelName: string, kernelFunc: (call: KernelCall) => TensorInfo | TensorInfo[]): void =>
    tf.registerKernel({ kernelName, backendName: "wasm", kernelFunc: kernelFunc as never });
  register(CHANNEL_SUMS, channelSums);
  register(RELU_GRADIENT, reluGradient);
  register(LOSS, loss);
  register(CUT, cut);
  register(CONCAT, concat);
  register(RELU_BIAS_GRADIENT, reluBiasGradient);
}
