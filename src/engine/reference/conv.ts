import { type Feature, pixelsOf, withChannels } from "./feature";
import { matrix, multiply, rowSums, transposed } from "./matrix";

export interface LayerGradients<Input = Feature> {
  readonly input: Input;
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/**
 * Every tap of every pixel: [inChannels·kernel², pixels]; zero outside the image. Row (c, ky, kx) in the order of a
 * weight [out, in, ky, kx].
 */
function patchRows(x: Feature, kernel: number): Float64Array {
  if (kernel === 1) return x.data;
  const { channels, images, height, width } = x;
  const margin = (kernel - 1) / 2;
  const pixels = pixelsOf(x);
  const rows = new Float64Array(channels * kernel * kernel * pixels);
  let row = 0;
  for (let c = 0; c < channels; c++)
    for (let ky = -margin; ky <= margin; ky++)
      for (let kx = -margin; kx <= margin; kx++, row += pixels) {
        const left = Math.max(0, -kx);
        const right = Math.min(width, width - kx);
        for (let image = 0; image < images; image++)
          for (let y = Math.max(0, -ky); y < Math.min(height, height - ky); y++) {
            const from = ((c * images + image) * height + y + ky) * width + kx;
            const to = row + (image * height + y) * width;
            for (let i = left; i < right; i++) rows[to + i] = x.data[from + i] as number;
          }
      }
  return rows;
}

/**
 * Cross-correlation, stride 1, padding (kernel−1)/2, as `torch.nn.Conv2d`. Weight [out, in, kernel, kernel]; `bias` [out]
 * or null.
 */
export function convForward(
  x: Feature,
  weight: Float64Array,
  bias: Float64Array | null,
  kernel: number,
  outChannels: number,
): Feature {
  const depth = x.channels * kernel * kernel;
  const pixels = pixelsOf(x);
  const out = multiply(matrix(weight, outChannels, depth), matrix(patchRows(x, kernel), depth, pixels));
  if (bias)
    for (let c = 0; c < outChannels; c++) {
      const shift = bias[c] as number;
      for (let i = c * pixels; i < (c + 1) * pixels; i++) out[i] = (out[i] as number) + shift;
    }
  return withChannels(x, outChannels, out);
}

/**
 * ∂weight = gradient · patchesᵀ; ∂bias = its sum over pixels; ∂input = the convolution of the gradient with the weight
 * turned by 180° and its channels exchanged (null when `wantInput` is false).
 */
export function convBackward(
  x: Feature,
  weight: Float64Array,
  gradient: Feature,
  kernel: number,
  wantInput: boolean,
): LayerGradients<Feature | null> {
  const pixels = pixelsOf(x);
  const outChannels = gradient.channels;
  const depth = x.channels * kernel * kernel;
  const gradients = matrix(gradient.data, outChannels, pixels);
  return {
    weight: multiply(gradients, transposed(matrix(patchRows(x, kernel), depth, pixels))),
    bias: rowSums(gradients),
    input: wantInput
      ? convForward(gradient, turned(weight, outChannels, x.channels, kernel), null, kernel, x.channels)
      : null,
  };
}

/** [out, in, ky, kx] → [in, out, kernel−1−ky, kernel−1−kx]. */
function turned(weight: Float64Array, outputs: number, inputs: number, kernel: number): Float64Array {
  const taps = kernel * kernel;
  const result = new Float64Array(weight.length);
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let tap = 0; tap < taps; tap++)
        result[(i * outputs + o) * taps + taps - 1 - tap] = weight[(o * inputs + i) * taps + tap] as number;
  return result;
}
