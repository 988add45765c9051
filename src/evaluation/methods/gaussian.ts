import { type DenoisingMethod, filterOf, mirrored, type Picture } from "./method";

/** The kernel is cut off here, in standard deviations. */
const TRUNCATE = 4;

/** Convolves `lines` lines of `length` values; neighbours in a line lie `step` apart, lines `lineStep`. */
function filterLines(
  source: ArrayLike<number>,
  kernel: Float64Array,
  out: Float32Array | Float64Array,
  layout: {
    readonly lines: number;
    readonly length: number;
    readonly lineStep: number;
    readonly step: number;
  },
): void {
  const { lines, length, lineStep, step } = layout;
  const radius = (kernel.length - 1) / 2;
  const line = new Float64Array(length + 2 * radius);
  for (let start = 0; start < lines * lineStep; start += lineStep) {
    for (let i = 0; i < line.length; i++)
      line[i] = source[start + mirrored(i - radius, length) * step] as number;
    for (let i = 0; i < length; i++) {
      let value = 0;
      for (let tap = 0; tap < kernel.length; tap++)
        value += (kernel[tap] as number) * (line[i + tap] as number);
      out[start + i * step] = value;
    }
  }
}

/** Gaussian filter of standard deviation `pixels`, borders mirrored with the border pixel repeated (SciPy's `gaussian_filter`). */
export function gaussianFilter({ data, width, height }: Picture, pixels: number): Float32Array<ArrayBuffer> {
  const radius = Math.floor(TRUNCATE * pixels + 0.5);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-0.5 * ((i - radius) / pixels) ** 2),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const kernel = weights.map((weight) => weight / sum);
  const columns = new Float64Array(data.length);
  const out = new Float32Array(data.length);
  filterLines(data, kernel, columns, { lines: width, length: height, lineStep: 1, step: width });
  filterLines(columns, kernel, out, { lines: height, length: width, lineStep: width, step: 1 });
  return out;
}

/** Kernel width for noise of deviation σ: near the best on generated phantoms at σ 0.1, 0.2 and 0.3. */
function pixelsFor(std: number): number {
  return 5 * Math.sqrt(std);
}

export const gaussian: DenoisingMethod = {
  name: "gaussian",
  title: "Gaussian filter",
  settings: "kernel deviation 5·√σ pixels, cut off at 4 deviations",
  denoise: filterOf((picture, std) => gaussianFilter(picture, pixelsFor(std))),
};
