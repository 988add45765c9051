import type { LayerGradients } from "./conv";
import { type Feature, pixelsOf, scaledFeature, withChannels } from "./feature";
import { matrix, multiply, rowSums, transposed } from "./matrix";

/** Taps of the 2×2 kernel; each output pixel takes exactly one. */
const TAPS = 4;

/** `torch.nn.ConvTranspose2d(in, out, 2, stride=2)`. Weight [in, out, 2, 2], bias [out]; [in, N, H, W] → [out, N, 2H, 2W]. */
export function upconvForward(
  x: Feature,
  weight: Float64Array,
  bias: Float64Array,
  outChannels: number,
): Feature {
  const pixels = pixelsOf(x);
  const rows = multiply(
    transposed(matrix(weight, x.channels, outChannels * TAPS)),
    matrix(x.data, x.channels, pixels),
  );
  const out = scaledFeature(x, outChannels, 2);
  eachTap(x, outChannels, (row, small, c, large) => {
    out.data[large] = (rows[row + small] as number) + (bias[c] as number);
  });
  return out;
}

export function upconvBackward(x: Feature, weight: Float64Array, gradient: Feature): LayerGradients {
  const pixels = pixelsOf(x);
  const outChannels = gradient.channels;
  const depth = outChannels * TAPS;
  const rows = new Float64Array(depth * pixels);
  eachTap(x, outChannels, (row, small, _, large) => {
    rows[row + small] = gradient.data[large] as number;
  });
  const taps = matrix(rows, depth, pixels);
  return {
    weight: multiply(matrix(x.data, x.channels, pixels), transposed(taps)),
    bias: rowSums(matrix(gradient.data, outChannels, pixelsOf(gradient))),
    input: withChannels(x, x.channels, multiply(matrix(weight, x.channels, depth), taps)),
  };
}

/** Visits (start of row (channel, dy, dx) in [out·4, pixels], input pixel, channel, output place). */
function eachTap(
  x: Feature,
  outChannels: number,
  visit: (row: number, small: number, channel: number, large: number) => void,
): void {
  const { images, height, width } = x;
  const pixels = pixelsOf(x);
  for (let c = 0; c < outChannels; c++)
    for (let tap = 0; tap < TAPS; tap++) {
      const row = (c * TAPS + tap) * pixels;
      const dy = tap >> 1;
      const dx = tap & 1;
      for (let image = 0; image < images; image++)
        for (let y = 0; y < height; y++) {
          const small = (image * height + y) * width;
          const large = ((c * images + image) * 2 * height + 2 * y + dy) * 2 * width + dx;
          for (let i = 0; i < width; i++) visit(row, small + i, c, large + 2 * i);
        }
    }
}
