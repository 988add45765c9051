import { type DenoisingMethod, filterOf, mirrored, type Picture } from "./method";

/** Analysis low-pass filter of sym4, Daubechies' least asymmetric wavelet with four vanishing moments (PyWavelets' digits). */
const LOW = [
  -0.07576571478927333, -0.02963552764599851, 0.49761866763201545, 0.8037387518059161, 0.29785779560527736,
  -0.09921954357684722, -0.012603967262037833, 0.0322231006040427,
] as const;
const TAPS = LOW.length;
/** Quadrature mirror: alternating signs, reversed. */
const HIGH = LOW.map((_, i) => (i % 2 === 0 ? -1 : 1) * (LOW[TAPS - 1 - i] as number));
const LEVELS = 4;
/** Keeps a band without signal finite: its threshold is then larger than any coefficient. */
const EPSILON = Number.EPSILON;

interface Band {
  readonly data: Float64Array;
  readonly width: number;
  readonly height: number;
}

const halved = (length: number): number => Math.floor((length + TAPS - 1) / 2);

/** One line, mirrored at its ends: `half` sums of each filter at every second place. */
function analyseLine(line: Float64Array, low: Float64Array, high: Float64Array): void {
  for (let k = 0; k < low.length; k++) {
    let lowSum = 0;
    let highSum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const value = line[mirrored(2 * k + 1 - tap, line.length)] as number;
      lowSum += (LOW[tap] as number) * value;
      highSum += (HIGH[tap] as number) * value;
    }
    low[k] = lowSum;
    high[k] = highSum;
  }
}

/** The inverse: synthesis filters are the analysis filters reversed. */
function synthesiseLine(low: Float64Array, high: Float64Array, line: Float64Array): void {
  for (let i = 0; i < line.length; i++) {
    // Upsampled place n = i + TAPS − 2 takes taps n − 2k of the reversed filters.
    const n = i + TAPS - 2;
    let value = 0;
    for (let k = Math.ceil((n - TAPS + 1) / 2); 2 * k <= n; k++) {
      const tap = TAPS - 1 - (n - 2 * k);
      value += (LOW[tap] as number) * (low[k] as number) + (HIGH[tap] as number) * (high[k] as number);
    }
    line[i] = value;
  }
}

function analyseRows({ data, width, height }: Band): readonly [low: Band, high: Band] {
  const half = halved(width);
  const low = { data: new Float64Array(half * height), width: half, height };
  const high = { data: new Float64Array(half * height), width: half, height };
  for (let y = 0; y < height; y++)
    analyseLine(
      data.subarray(y * width, (y + 1) * width),
      low.data.subarray(y * half, (y + 1) * half),
      high.data.subarray(y * half, (y + 1) * half),
    );
  return [low, high];
}

function synthesiseRows(low: Band, high: Band, width: number): Band {
  const { width: half, height } = low;
  const data = new Float64Array(width * height);
  for (let y = 0; y < height; y++)
    synthesiseLine(
      low.data.subarray(y * half, (y + 1) * half),
      high.data.subarray(y * half, (y + 1) * half),
      data.subarray(y * width, (y + 1) * width),
    );
  return { data, width, height };
}

function transposed({ data, width, height }: Band): Band {
  const out = new Float64Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) out[x * height + y] = data[y * width + x] as number;
  return { data: out, width: height, height: width };
}

/** BayesShrink (Chang, Yu & Vetterli, IEEE Trans. Image Processing 9, 2000): soft threshold σ²/σ_signal of one band. */
function shrink(band: Band, variance: number): Band {
  let power = 0;
  for (const value of band.data) power += value * value;
  const signal = Math.max(power / band.data.length - variance, EPSILON);
  const threshold = variance / Math.sqrt(signal);
  const data = band.data.map((value) => Math.sign(value) * Math.max(Math.abs(value) - threshold, 0));
  return { ...band, data };
}

function shrinkLevel(image: Band, variance: number, levels: number): Band {
  if (levels === 0) return image;
  const [left, right] = analyseRows(image);
  const [smooth, horizontal] = analyseRows(transposed(left));
  const [vertical, diagonal] = analyseRows(transposed(right));
  const coarse = shrinkLevel(smooth, variance, levels - 1);
  const leftBack = synthesiseRows(coarse, shrink(horizontal, variance), image.height);
  const rightBack = synthesiseRows(shrink(vertical, variance), shrink(diagonal, variance), image.height);
  return synthesiseRows(transposed(leftBack), transposed(rightBack), image.width);
}

/** BayesShrink of white noise `std` in a sym4 transform of four levels, borders mirrored (scikit-image's `denoise_wavelet`). */
export function waveletFilter({ data, width, height }: Picture, std: number): Float32Array<ArrayBuffer> {
  const image = { data: Float64Array.from(data), width, height };
  return Float32Array.from(shrinkLevel(image, std * std, LEVELS).data);
}

export const wavelet: DenoisingMethod = {
  name: "wavelet",
  title: "Wavelet shrinkage",
  settings: "BayesShrink, soft, sym4, four levels",
  denoise: filterOf(waveletFilter),
};
