import { expect } from "vitest";
import { BATCH_NORM_EPSILON } from "@/model/graph";
import { relativeError } from "../fixtures";
import { adamStep } from "../reference/adam";
import { normForward, normBackward as referenceNormBackward } from "../reference/batchNorm";
import * as conv from "../reference/conv";
import type { Feature } from "../reference/feature";
import { lossWithGradient } from "../reference/loss";
import { maxPoolForward, maxPoolBackward as referencePoolBackward } from "../reference/maxPool";
import { subtractBackward, subtractForward } from "../reference/subtract";
import { upsampleBackward as referenceUpsampleBackward, upsampleForward } from "../reference/upsample";
import type { LabDevice } from "./device";
import { fromHalf, toHalf } from "./halves.fixture";
import { type KernelResult, runKernel } from "./kernelRun";
import { adam } from "./kernels/adam";
import { headBackward, headLoss, lossFinish } from "./kernels/head";
import type { Kernel, SourceSpec, Storage } from "./kernels/kernel";
import { maxPool, maxPoolBackward } from "./kernels/maxPool";
import { normBackward, normBackwardFinish, normBackwardSums, normFinish, normMoments } from "./kernels/norm";
import { residual, residualLoss } from "./kernels/residual";
import { sumSplits } from "./kernels/sumSplits";
import { upsample, upsampleBackward } from "./kernels/upsample";

/** Every kernel against the float64 reference, for tests in Node and in the browser. */

/** float32 sums of a few hundred terms in another order, relative to the largest value. */
export const RTOL = 2e-5;
/** What is stored in halves is rounded to 11 bits: 2⁻¹¹ = 4.9e-4 of the value. */
const FEATURE_RTOL: Readonly<Record<Storage, number>> = { f32: RTOL, f16: 5e-4 };
/** A variant that multiplies halves has both factors rounded to 11 bits besides: errors of random sign, twice as large at most. */
export const HALVES_RTOL = 1e-3;
export const multipliesHalves = (variant: string | undefined): boolean => variant?.endsWith(" f16") ?? false;

const LOSS_SCALE = 1024;

export type Size = readonly [images: number, height: number, width: number];

/** Odd batches, sizes that no tile divides, single pixels, and one that tiles divide. */
const SIZES: readonly Size[] = [
  [3, 5, 7],
  [1, 1, 1],
  [2, 3, 2],
  [1, 9, 17],
  [2, 8, 16],
];

/** Every size in float32, and in halves an odd one and the one that tiles divide. */
export const CASES: readonly (readonly [storage: Storage, ...size: Size])[] = [
  ...SIZES.map((size) => ["f32", ...size] as const),
  ["f16", 3, 5, 7],
  ["f16", 2, 8, 16],
];

/** Numbers in (−1, 1), the same every time. */
export function noise(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = (seed * 2654435761 + 1) >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The nearest number that can be stored. */
export function rounded(value: number, storage: Storage): number {
  return storage === "f32" ? Math.fround(value) : fromHalf(toHalf(value));
}

export function feature(
  channels: number,
  [images, height, width]: Size,
  seed: number,
  storage: Storage = "f32",
): Feature {
  const count = channels * images * height * width;
  const data = Float64Array.from(noise(count, seed), (value) => rounded(value, storage));
  return { channels, images, height, width, data };
}

/** [C, N, H, W] → NC4HW4; one channel stays as it is. */
export function packed({ channels, images, height, width, data }: Feature): Float32Array<ArrayBuffer> {
  if (channels === 1) return Float32Array.from(data);
  const pixels = height * width;
  const out = new Float32Array(data.length);
  for (let c = 0; c < channels; c++)
    for (let n = 0; n < images; n++)
      for (let p = 0; p < pixels; p++)
        out[((n * (channels / 4) + (c >> 2)) * pixels + p) * 4 + (c & 3)] = data[
          (c * images + n) * pixels + p
        ] as number;
  return out;
}

/** As it lies on the device. */
export function encoded(x: Feature, storage: Storage): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  const floats = packed(x);
  return storage === "f32" || x.channels === 1 ? floats : Uint16Array.from(floats, toHalf);
}

/** The inverse of `encoded` without its order: numbers of a feature that a kernel wrote. */
function read(bytes: Float32Array<ArrayBuffer> | undefined, storage: Storage): Float32Array<ArrayBuffer> {
  if (storage === "f32" || bytes === undefined) return bytes ?? empty(0);
  return Float32Array.from(new Uint16Array(bytes.buffer), fromHalf);
}

/** PyTorch's [first, second, taps] → [taps, in, out]; `swap` for a convolution, whose first side is out. */
export function hwio(
  weight: Float64Array,
  first: number,
  second: number,
  taps: number,
  swap: boolean,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(weight.length);
  for (let a = 0; a < first; a++)
    for (let b = 0; b < second; b++)
      for (let tap = 0; tap < taps; tap++)
        out[swap ? (tap * second + b) * first + a : (tap * first + a) * second + b] = weight[
          (a * second + b) * taps + tap
        ] as number;
  return out;
}

/** As a consumer sees it: scale, shift, ReLU. */
export function seen(x: Feature, scale: Float64Array, shift: Float64Array): Feature {
  const pixels = x.data.length / x.channels;
  const data = x.data.map((value, i) => {
    const c = Math.floor(i / pixels);
    return Math.max(0, value * (scale[c] as number) + (shift[c] as number));
  });
  return { ...x, data };
}

export function concat(a: Feature, b: Feature): Feature {
  return { ...a, channels: a.channels + b.channels, data: Float64Array.from([...a.data, ...b.data]) };
}

export const close = (
  actual: ArrayLike<number> | undefined,
  expected: ArrayLike<number>,
  what: string,
): void => expect(relativeError(actual ?? [], expected), what).toBeLessThan(RTOL);

export const closeFeature = (
  actual: Float32Array<ArrayBuffer> | undefined,
  expected: ArrayLike<number>,
  what: string,
  storage: Storage,
  variant?: string,
): void => {
  // Buffers are made for floats; halves fill the first half.
  const values = read(actual, storage).subarray(0, expected.length);
  expect(relativeError(values, expected), what).toBeLessThan(
    multipliesHalves(variant) ? HALVES_RTOL : FEATURE_RTOL[storage],
  );
};

export const extentOf = ([images, height, width]: Size, storage: Storage) => ({
  images,
  height,
  width,
  storage,
});
export const plain = (channels: number): SourceSpec => ({ channels, normOffset: null, relu: false });
export const empty = (floats: number): Float32Array<ArrayBuffer> => new Float32Array(floats);

/** The names of variants that a check runs. */
export type Choose = (name: string) => boolean;

/** The kernel as it is chosen by default, or its variants of these names; there must be one. */
export function variantsOf<K extends Kernel>(kernel: K, choose: Choose | undefined): readonly K[] {
  if (choose === undefined) return [kernel];
  const members = (kernel.alternatives ?? []).filter(({ name }) => choose(name));
  expect(members.length, `${kernel.label}: variants`).toBeGreaterThan(0);
  return members.map(({ name, build }) => ({ ...build(), variant: name }) as unknown as K);
}

/** What a kernel wrote. It is run twice: the bits must be the same. */
export async function run(
  lab: LabDevice,
  kernel: Kernel,
  inputs: Readonly<Record<string, ArrayBufferView>>,
): Promise<KernelResult["outputs"]> {
  const { outputs } = await runKernel(lab, kernel, inputs);
  const again = await runKernel(lab, kernel, inputs);
  for (const [name, values] of Object.entries(outputs)) {
    const bits = new Uint32Array(again.outputs[name]?.buffer ?? empty(0).buffer);
    const same = new Uint32Array(values.buffer).every((word, i) => word === bits[i]);
    expect(same, `${kernel.label} ${kernel.variant}: bits of ${name}`).toBe(true);
  }
  return outputs;
}

export async function checkMaxPool(
  lab: LabDevice,
  storage: Storage,
  [images, rows, columns]: Size,
): Promise<void> {
  const channels = 12;
  const size: Size = [images, 2 * rows, 2 * columns];
  const extent = extentOf(size, storage);
  const stored = feature(channels, size, 1, storage);
  const scale = Float64Array.from(noise(channels, 2));
  const shift = Float64Array.from(noise(channels, 3), (value) => value + 0.5);
  const input = seen(stored, scale, shift);
  const norms = Float32Array.from([...scale, ...shift]);
  const source: SourceSpec = { channels, normOffset: 0, relu: true };
  const { out, winners } = maxPoolForward(input);
  const inputs = { norms, source: encoded(stored, storage) };
  const forward = await runKernel(lab, maxPool({ ...extent, source }, lab.target), {
    ...inputs,
    output: empty(out.data.length),
  });
  closeFeature(forward.outputs["output"], packed(out), "forward", storage);
  const gradient = feature(channels, [images, rows, columns], 4, storage);
  const back = referencePoolBackward(gradient, winners);
  for (const accumulate of [false, true]) {
    const before = feature(channels, size, 5, storage);
    const { outputs } = await runKernel(lab, maxPoolBackward({ ...extent, source, accumulate }, lab.target), {
      ...inputs,
      gradient: encoded(gradient, storage),
      output: encoded(before, storage),
    });
    const data = back.data.map((value, i) => value + (accumulate ? (before.data[i] as number) : 0));
    closeFeature(
      outputs["output"],
      packed({ ...stored, data }),
      `backward, accumulate ${accumulate}`,
      storage,
    );
  }
}

export async function checkUpsample(lab: LabDevice, storage: Storage, size: Size): Promise<void> {
  const channels = 12;
  const [images, height, width] = size;
  const extent = extentOf(size, storage);
  const input = feature(channels, size, 1, storage);
  const expected = upsampleForward(input);
  const forward = await runKernel(lab, upsample({ ...extent, source: plain(channels) }, lab.target), {
    source: encoded(input, storage),
    output: empty(expected.data.length),
  });
  closeFeature(forward.outputs["output"], packed(expected), "forward", storage);
  const gradient = feature(channels, [images, 2 * height, 2 * width], 2, storage);
  const back = referenceUpsampleBackward(input, gradient);
  for (const accumulate of [false, true]) {
    const before = feature(channels, size, 3, storage);
    const { outputs } = await runKernel(
      lab,
      upsampleBackward({ ...extent, channels, accumulate }, lab.target),
      {
        gradient: encoded(gradient, storage),
        output: encoded(before, storage),
      },
    );
    const data = back.data.map((value, i) => value + (accumulate ? (before.data[i] as number) : 0));
    closeFeature(outputs["output"], packed({ ...back, data }), `backward, accumulate ${accumulate}`, storage);
  }
}

/** BatchNorm and the ReLU behind it, forward statistics and backward; the mean is far from zero. */
export async function checkNorm(lab: LabDevice, storage: Storage, size: Size): Promise<void> {
  const channels = 12;
  const [images, height, width] = size;
  if (images * height * width < 2) return;
  const spec = { ...extentOf(size, storage), channels };
  const x = feature(channels, size, 1, storage);
  for (let i = 0; i < x.data.length; i++) x.data[i] = rounded((x.data[i] as number) + 5, storage);
  const parameters = {
    scale: Float64Array.from(noise(channels, 2)),
    shift: Float64Array.from(noise(channels, 3)),
    runningMean: Float64Array.from(noise(channels, 4)),
    runningVariance: Float64Array.from(noise(channels, 5), (value) => value + 2),
  };
  const running = Float32Array.from([...parameters.runningMean, ...parameters.runningVariance]);
  const gamma = Float32Array.from(parameters.scale);
  const beta = Float32Array.from(parameters.shift);
  const { out, saved } = normForward(x, parameters);
  const moments = normMoments(spec, lab.target);
  const values = encoded(x, storage);
  const { outputs: first } = await runKernel(lab, moments, {
    values,
    partials: empty(moments.splits * moments.partialFloats),
  });
  const { outputs: finished } = await runKernel(
    lab,
    normFinish({ ...spec, epsilon: BATCH_NORM_EPSILON, rows: moments.splits }, lab.target),
    {
      partials: first["partials"] ?? empty(0),
      gamma,
      beta,
      norms: empty(4 * channels),
      running,
    },
  );
  const norms = finished["norms"] ?? empty(0);
  close(norms.subarray(3 * channels), saved.inverseDeviation, "1/σ");
  close(
    finished["running"],
    [...parameters.runningMean, ...parameters.runningVariance],
    "running statistics",
  );

  const incoming = feature(channels, size, 6, storage);
  const gated = { ...incoming, data: incoming.data.map((g, i) => ((out.data[i] as number) > 0 ? g : 0)) };
  const expected = referenceNormBackward(gated, parameters.scale, saved);
  const sums = normBackwardSums({ ...spec, relu: true }, lab.target);
  const gradient = encoded(incoming, storage);
  const { outputs: partial } = await runKernel(lab, sums, {
    values,
    norms,
    gradient,
    partials: empty(sums.splits * sums.partialFloats),
  });
  const { outputs: factors } = await runKernel(
    lab,
    normBackwardFinish({ ...spec, rows: sums.splits, accumulate: false }, lab.target),
    {
      partials: partial["partials"] ?? empty(0),
      norms,
      gamma,
      gammaGradient: empty(channels),
      betaGradient: empty(channels),
      factors: empty(3 * channels),
    },
  );
  close(factors["gammaGradient"], expected.scale, "∂γ");
  close(factors["betaGradient"], expected.shift, "∂β");
  const { outputs: last } = await runKernel(lab, normBackward({ ...spec, relu: true }, lab.target), {
    values,
    norms,
    factors: factors["factors"] ?? empty(0),
    gradient,
  });
  // Two values a channel cancel in ∂x to what ε leaves: held to the size of the gradient instead.
  expect(relativeError(read(last["gradient"], storage), packed(expected.input), 1), "∂x").toBeLessThan(
    FEATURE_RTOL[storage],
  );
}

export async function checkHead(
  lab: LabDevice,
  storage: Storage,
  size: Size,
  loss: "l1" | "l2",
): Promise<void> {
  const channels = 12;
  const extent = extentOf(size, storage);
  const input = feature(channels, size, 1, storage);
  const weight = Float64Array.from(noise(channels, 2));
  const bias = Float64Array.from(noise(1, 3));
  const clean = feature(1, size, 4, storage);
  const source = plain(channels);
  const output = conv.convForward(input, weight, bias, 1, 1);
  const expected = lossWithGradient(output, clean.data, loss);
  const kernel = headLoss({ ...extent, source, loss, count: clean.data.length }, lab.target);
  const common = { weights: Float32Array.from(weight), source: encoded(input, storage) };
  const { outputs } = await runKernel(lab, kernel, {
    ...common,
    bias: Float32Array.from([...bias, 0, 0, 0]),
    clean: packed(clean),
    gradient: empty(clean.data.length),
    partials: empty(kernel.splits),
    scaling: Float32Array.from([LOSS_SCALE, 0, 0, 0]),
  });
  const scaled = expected.gradient.data.map((g) => g * (storage === "f16" ? LOSS_SCALE : 1));
  close(outputs["gradient"]?.subarray(0, clean.data.length), scaled, "∂output");
  const count = clean.data.length;
  const finish = await runKernel(
    lab,
    lossFinish({ rows: kernel.splits, count, accumulate: false }, lab.target),
    {
      partials: outputs["partials"] ?? empty(0),
      loss: empty(1),
    },
  );
  close(finish.outputs["loss"]?.subarray(0, 1), [expected.loss], "loss");
  const back = conv.convBackward(input, weight, expected.gradient, 1, true);
  const backward = headBackward({ ...extent, source, accumulate: false }, lab.target);
  const { outputs: sums } = await runKernel(lab, backward, {
    ...common,
    gradient: Float32Array.from(expected.gradient.data),
    output: empty(input.data.length),
    partials: empty(backward.splits * backward.partialFloats),
  });
  if (back.input) closeFeature(sums["output"], packed(back.input), "∂source", storage);
  const { splits, partialFloats } = backward;
  const rows = {
    taps: 1,
    channels: 1,
    firstChannel: 0,
    inChannels: 1,
    rowFloats: channels,
    bias: true,
    accumulate: false,
  };
  const summedUp = await runKernel(lab, sumSplits({ splits, partialFloats, ...rows }, lab.target), {
    partials: sums["partials"] ?? empty(0),
    weightGradient: empty(channels),
    biasGradient: empty(4),
  });
  close(summedUp.outputs["weightGradient"], back.weight, "∂weight");
  close(summedUp.outputs["biasGradient"], [back.bias[0] as number, 0, 0, 0], "∂bias");
}

/** The input less a feature of one channel: in inference, and fused with the loss and its backward. */
export async function checkResidual(
  lab: LabDevice,
  storage: Storage,
  size: Size,
  loss: "l1" | "l2",
): Promise<void> {
  const extent = extentOf(size, storage);
  const noisy = feature(1, size, 1);
  const noise = feature(1, size, 2, storage);
  const clean = feature(1, size, 3);
  const count = clean.data.length;
  const padded = {
    ...noise,
    channels: 4,
    data: Float64Array.from({ length: 4 * count }, (_, i) => noise.data[i] ?? 0),
  };
  const inputs = { noisy: packed(noisy), source: encoded(padded, storage) };
  const output = subtractForward(noisy, noise);
  const forward = await run(lab, residual(extent, lab.target), { ...inputs, output: empty(count) });
  close(forward["output"]?.subarray(0, count), output.data, "output");
  const expected = lossWithGradient(output, clean.data, loss);
  const [, subtracted] = subtractBackward(expected.gradient);
  const kernel = residualLoss({ ...extent, loss, count }, lab.target);
  const outputs = await run(lab, kernel, {
    ...inputs,
    clean: packed(clean),
    gradient: empty(4 * count),
    partials: empty(kernel.splits),
    scaling: Float32Array.from([LOSS_SCALE, 0, 0, 0]),
  });
  const scale = storage === "f16" ? LOSS_SCALE : 1;
  const gradient = Float64Array.from({ length: 4 * count }, (_, i) => (subtracted.data[i] ?? 0) * scale);
  closeFeature(outputs["gradient"], packed({ ...padded, data: gradient }), "∂source", storage);
  const finish = await runKernel(
    lab,
    lossFinish({ rows: kernel.splits, count, accumulate: false }, lab.target),
    { partials: outputs["partials"] ?? empty(0), loss: empty(1) },
  );
  close(finish.outputs["loss"]?.subarray(0, 1), [expected.loss], "loss");
}

export async function checkAdam(lab: LabDevice): Promise<void> {
  const floats = 1000;
  const settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  const [step, learningRate] = [3, 1e-2];
  const values = noise(floats, 1);
  const gradients = noise(floats, 2);
  const firstMoments = noise(floats, 3);
  const secondMoments = noise(floats, 4).map(Math.abs);
  const { outputs } = await runKernel(lab, adam({ floats, ...settings, scaled: false }, lab.target), {
    gradients,
    parameters: values,
    firstMoments,
    secondMoments,
    step: Float32Array.from([learningRate / (1 - 0.9 ** step), Math.sqrt(1 - 0.999 ** step), 0, 0]),
  });
  const expected = Float64Array.from(values);
  const first = Float64Array.from(firstMoments);
  const second = Float64Array.from(secondMoments);
  adamStep(expected, Float64Array.from(gradients), first, second, step, learningRate, settings);
  close(outputs["parameters"], expected, "parameters");
  close(outputs["firstMoments"], first, "first moments");
  close(outputs["secondMoments"], second, "second moments");
}
