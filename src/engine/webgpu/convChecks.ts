import { expect } from "vitest";
import { relativeError } from "../fixtures";
import * as conv from "../reference/conv";
import type { Feature } from "../reference/feature";
import { upconvBackward, upconvForward } from "../reference/upconv";
import type { LabDevice } from "./device";
import {
  type Choose,
  close,
  closeFeature,
  concat,
  empty,
  encoded,
  extentOf,
  feature,
  HALVES_RTOL,
  hwio,
  multipliesHalves,
  noise,
  packed,
  plain,
  RTOL,
  rounded,
  run,
  type Size,
  seen,
  variantsOf,
} from "./kernelChecks";
import { runKernel } from "./kernelRun";
import { convDgrad } from "./kernels/convDgrad";
import { convForward } from "./kernels/convForward";
import { convWgrad } from "./kernels/convWgrad";
import type { Kernel, PartialKernel, SourceSpec, Storage } from "./kernels/kernel";
import { sumSplits } from "./kernels/sumSplits";
import { upconv, upconvDgrad, upconvWgrad } from "./kernels/upconv";

/** Convolutions and transposed convolutions against the float64 reference, for tests in Node and in the browser. */

function slice(x: Feature, first: number, channels: number): Feature {
  const pixels = x.data.length / x.channels;
  return { ...x, channels, data: x.data.slice(first * pixels, (first + channels) * pixels) };
}

const closeSums = (
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  { variant }: Kernel,
): void =>
  expect(relativeError(actual, expected), what).toBeLessThan(multipliesHalves(variant) ? HALVES_RTOL : RTOL);

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
