import { expect } from "vitest";
import { relativeError } from "../fixtures";
import { adamStep } from "../reference/adam";
import { normForward, normBackward as referenceNormBackward } from "../reference/batchNorm";
import * as conv from "../reference/conv";
import type { Feature } from "../reference/feature";
import { lossWithGradient } from "../reference/loss";
import { maxPoolForward, maxPoolBackward as referencePoolBackward } from "../reference/maxPool";
import { upconvBackward, upconvForward } from "../reference/upconv";
import { upsampleBackward as referenceUpsampleBackward, upsampleForward } from "../reference/upsample";
import type { LabDevice } from "./device";
import { fromHalf, toHalf } from "./halves.fixture";
import { type KernelResult, runKernel } from "./kernelRun";
import { adam } from "./kernels/adam";
import { convDgrad } from "./kernels/convDgrad";
import { convForward } from "./kernels/convForward";
import { convWgrad } from "./kernels/convWgrad";
import { headBackward, headLoss, lossFinish } from "./kernels/head";
import type { Kernel, PartialKernel, SourceSpec, Storage } from "./kernels/kernel";
import { maxPool, maxPoolBackward } from "./kernels/maxPool";
import { normBackward, normBackwardFinish, normBackwardSums, normFinish, normMoments } from "./kernels/norm";
import { sumSplits } from "./kernels/sumSplits";
import { upconv, upconvDgrad, upconvWgrad } from "./kernels/upconv";
import { upsample, upsampleBackward } from "./kernels/upsample";

/** Every kernel against the float64 reference, for tests in Node and in the browser. */

/** float32 sums of a few hundred terms in another order, relative to the largest value. */
const RTOL = 2e-5;
/** What is stored in halves is rounded to 11 bits: 2⁻¹¹ = 4.9e-4 of the value. */
const FEATURE_RTOL: Readonly<Record<Storage, number>> = { f32: RTOL, f16: 5e-4 };
/** A variant that multiplies halves has both factors rounded to 11 bits besides: errors of random sign, twice as large at most. */
const HALVES_RTOL = 1e-3;
const multipliesHalves = (variant: string | undefined): boolean => variant?.endsWith(" f16") ?? false;

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
function rounded(value: number, storage: Storage): number {
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

function slice(x: Feature, first: number, channels: number): Feature {
  const pixels = x.data.length / x.channels;
  return { ...x, channels, data: x.data.slice(first * pixels, (first + channels) * pixels) };
}

const close = (actual: ArrayLike<number> | undefined, expected: ArrayLike<number>, what: string): void =>
  expect(relativeError(actual ?? [], expected), what).toBeLessThan(RTOL);

const closeSums = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  { variant }: Kernel,
): void =>
  expect(relativeError(actual, expected), what).toBeLessThan(multipliesHalves(variant) ? HALVES_RTOL : RTOL);

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
const empty = (floats: number): Float32Array<ArrayBuffer> => new Float32Array(floats);

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

/** Runs a kernel of partial sums and its second pass; returns weight and bias gradients. */
async function summed(
  lab: LabDevice,
  kernel: PartialKernel,
  inputs: Readonly<Record<string, ArrayBufferView>>,
  rows: { taps: number; channels: number; firstChannel: number; inChannels: number; rowFloats: number },
  bias: boolean,
): Promise<{ readonly weight: Float32Array; readonly bias: Float32Array }> {
  const { splits, partialFloats } = kernel;
  // Not zero before: what the kernel leaves out shows.
  const partials = noise(splits * partialFloats, 99);
  const first = await run(lab, kernel, { ...inputs, partials });
  const second = await runKernel(
    lab,
    sumSplits({ splits, partialFloats, ...rows, bias, accumulate: false }, lab.target),
    {
      partials: first["partials"] ?? partials,
      weightGradient: empty(rows.taps * rows.inChannels * rows.rowFloats),
      ...(bias ? { biasGradient: empty(Math.max(4, rows.rowFloats)) } : {}),
    },
  );
  return {
    weight: second.outputs["weightGradient"] ?? empty(0),
    bias: second.outputs["biasGradient"] ?? empty(0),
  };
}

/**
 * Two sources, the first behind BatchNorm and ReLU; the default variants, or those that `choose` names. `operands`: what the
 * kernel rounds weights and values seen to before it multiplies them; the reference gets them so.
 */
export async function checkConv(
  lab: LabDevice,
  storage: Storage,
  size: Size,
  normed: number,
  other: number,
  outChannels: number,
  choose?: Choose,
  operands: Storage = "f32",
): Promise<void> {
  const extent = extentOf(size, storage);
  const stored = feature(normed, size, 1, storage);
  const second = feature(other, size, 2, storage);
  const scale = Float64Array.from(noise(normed, 3));
  const shift = Float64Array.from(noise(normed, 4));
  const weight = Float64Array.from(noise(outChannels * (normed + other) * 9, 5), (w) => rounded(w, operands));
  const bias = Float64Array.from(noise(outChannels, 6));
  const gradient = feature(outChannels, size, 7, storage);
  const norms = Float32Array.from([...scale, ...shift, ...empty(2 * normed)]);
  const exact = concat(seen(stored, scale, shift), second);
  const input = { ...exact, data: exact.data.map((value) => rounded(Math.fround(value), operands)) };
  const expected = conv.convForward(input, weight, bias, 3, outChannels);
  const weights = hwio(weight, outChannels, normed + other, 9, true);
  const sources: readonly SourceSpec[] = [{ channels: normed, normOffset: 0, relu: true }, plain(other)];
  const rectified = { ...expected, data: expected.data.map((value) => Math.max(0, value)) };
  const forward = convForward({ ...extent, sources, outChannels, relu: true }, lab.target);
  for (const kernel of variantsOf(forward, choose)) {
    const outputs = await run(lab, kernel, {
      weights,
      bias: Float32Array.from(bias),
      norms,
      source0: encoded(stored, storage),
      source1: encoded(second, storage),
      output: noise(expected.data.length, 8),
    });
    closeFeature(outputs["output"], packed(rectified), `forward, ${kernel.variant}`, storage, kernel.variant);
  }

  const {
    input: inputGradient,
    weight: weightGradient,
    bias: biasGradient,
  } = conv.convBackward(input, weight, gradient, 3, true);
  if (!inputGradient) throw new Error("no input gradient");
  const range = { inChannels: normed + other, outChannels };
  for (const [firstChannel, channels, mask, accumulate] of [
    [0, normed, false, false],
    [normed, other, true, true],
  ] as const) {
    const before = feature(channels, size, 9, storage);
    const gate = feature(channels, size, 10, storage);
    const dgrad = convDgrad({ ...extent, ...range, firstChannel, channels, mask, accumulate }, lab.target);
    const own = slice(inputGradient, firstChannel, channels);
    const data = own.data.map(
      (value, i) =>
        (mask && (gate.data[i] as number) <= 0 ? 0 : value) + (accumulate ? (before.data[i] as number) : 0),
    );
    for (const kernel of variantsOf(dgrad, choose)) {
      const outputs = await run(lab, kernel, {
        weights,
        gradient: encoded(gradient, storage),
        mask: encoded(gate, storage),
        output: encoded(before, storage),
      });
      const what = `dgrad of ${channels} channels, ${kernel.variant}`;
      closeFeature(outputs["output"], packed({ ...own, data }), what, storage, kernel.variant);
    }
  }
  const wanted = hwio(weightGradient, outChannels, normed + other, 9, true);
  for (const [source, values, firstChannel] of [
    [sources[0] as SourceSpec, stored, 0],
    [plain(other), second, normed],
  ] as const) {
    const { channels } = source;
    const hasBias = firstChannel === 0;
    const wgrad = convWgrad({ ...extent, source, outChannels, bias: hasBias }, lab.target);
    const inputs = { norms, source: encoded(values, storage), gradient: encoded(gradient, storage) };
    const rows = { taps: 9, channels, firstChannel, inChannels: normed + other, rowFloats: outChannels };
    const own = wanted.map((value, i) => {
      const row = Math.floor(i / outChannels) % (normed + other);
      return row >= firstChannel && row < firstChannel + channels ? value : 0;
    });
    for (const kernel of variantsOf(wgrad, choose)) {
      const sums = await summed(lab, kernel, inputs, rows, hasBias);
      closeSums(sums.weight, own, `wgrad of ${channels} channels, ${kernel.variant}`, kernel);
      if (hasBias) closeSums(sums.bias, biasGradient, `bias, ${kernel.variant}`, kernel);
    }
  }
}

/** The network's first convolution: one channel, stored as plain floats. */
export async function checkFirstConv(lab: LabDevice, storage: Storage, size: Size): Promise<void> {
  const outChannels = 8;
  const extent = extentOf(size, storage);
  const input = feature(1, size, 1, storage);
  const weight = Float64Array.from(noise(outChannels * 9, 2));
  const bias = Float64Array.from(noise(outChannels, 3));
  const gradient = feature(outChannels, size, 4, storage);
  const expected = conv.convForward(input, weight, bias, 3, outChannels);
  const forward = await runKernel(
    lab,
    convForward({ ...extent, sources: [plain(1)], outChannels, relu: false }, lab.target),
    {
      weights: hwio(weight, outChannels, 1, 9, true),
      bias: Float32Array.from(bias),
      source0: encoded(input, storage),
      output: empty(expected.data.length),
    },
  );
  closeFeature(forward.outputs["output"], packed(expected), "forward", storage);
  const back = conv.convBackward(input, weight, gradient, 3, false);
  const kernel = convWgrad({ ...extent, source: plain(1), outChannels, bias: true }, lab.target);
  const inputs = { source: encoded(input, storage), gradient: encoded(gradient, storage) };
  const rows = { taps: 9, channels: 1, firstChannel: 0, inChannels: 1, rowFloats: outChannels };
  const sums = await summed(lab, kernel, inputs, rows, true);
  close(sums.weight, hwio(back.weight, outChannels, 1, 9, true), "wgrad");
  close(sums.bias, back.bias, "bias");
}

export async function checkUpconv(
  lab: LabDevice,
  storage: Storage,
  size: Size,
  channels: number,
  outChannels: number,
  choose?: Choose,
  operands: Storage = "f32",
): Promise<void> {
  const [images, height, width] = size;
  const extent = extentOf(size, storage);
  const stored = feature(channels, size, 1, storage);
  const scale = Float64Array.from(noise(channels, 2));
  const shift = Float64Array.from(noise(channels, 3));
  const weight = Float64Array.from(noise(channels * outChannels * 4, 4), (w) => rounded(w, operands));
  const bias = Float64Array.from(noise(outChannels, 5));
  const gradient = feature(outChannels, [images, 2 * height, 2 * width], 6, storage);
  const exact = seen(stored, scale, shift);
  const input = { ...exact, data: exact.data.map((value) => rounded(Math.fround(value), operands)) };
  const norms = Float32Array.from([...scale, ...shift]);
  const source: SourceSpec = { channels, normOffset: 0, relu: true };
  const weights = hwio(weight, channels, outChannels, 4, false);
  const expected = upconvForward(input, weight, bias, outChannels);
  const forward = upconv({ ...extent, source, outChannels }, lab.target);
  for (const kernel of variantsOf(forward, choose)) {
    const outputs = await run(lab, kernel, {
      weights,
      bias: Float32Array.from(bias),
      norms,
      source: encoded(stored, storage),
      output: empty(expected.data.length),
    });
    closeFeature(outputs["output"], packed(expected), `forward, ${kernel.variant}`, storage, kernel.variant);
  }
  const back = upconvBackward(input, weight, gradient);
  for (const accumulate of [false, true]) {
    const before = feature(channels, size, 7, storage);
    const dgrad = upconvDgrad({ ...extent, channels, outChannels, accumulate }, lab.target);
    const inputs = { weights, gradient: encoded(gradient, storage), output: encoded(before, storage) };
    const data = back.input.data.map((value, i) => value + (accumulate ? (before.data[i] as number) : 0));
    for (const kernel of variantsOf(dgrad, choose)) {
      const outputs = await run(lab, kernel, inputs);
      const what = `dgrad, accumulate ${accumulate}, ${kernel.variant}`;
      closeFeature(outputs["output"], packed({ ...back.input, data }), what, storage, kernel.variant);
    }
  }
  const wgrad = upconvWgrad({ ...extent, source, outChannels }, lab.target);
  const inputs = { norms, source: encoded(stored, storage), gradient: encoded(gradient, storage) };
  const rows = { taps: 4, channels, firstChannel: 0, inChannels: channels, rowFloats: outChannels };
  for (const kernel of variantsOf(wgrad, choose)) {
    const sums = await summed(lab, kernel, inputs, rows, true);
    const own = hwio(back.weight, channels, outChannels, 4, false);
    closeSums(sums.weight, own, `wgrad, ${kernel.variant}`, kernel);
    closeSums(sums.bias, back.bias, `bias, ${kernel.variant}`, kernel);
  }
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
    normFinish({ ...spec, rows: moments.splits }, lab.target),
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
