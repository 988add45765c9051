/**
 * Transcendental functions from + − × ÷ alone. ECMAScript leaves the last bits of Math.exp, Math.log and Math.sin to the
 * engine; the four operations and Math.sqrt are exact IEEE 754 everywhere, so what is built from them is the same on
 * every machine. Accuracy is about 1e-10, far below a grey level.
 */
const { LN2, PI } = Math;

/** e^x for |x| < 700. */
export function exp(x: number): number {
  const octaves = Math.round(x / LN2);
  const r = x - octaves * LN2;
  let sum = 1;
  for (let n = 10; n >= 1; n--) sum = 1 + (sum * r) / n;
  let scale = 1;
  const factor = octaves < 0 ? 0.5 : 2;
  for (let i = Math.abs(octaves); i > 0; i--) scale *= factor;
  return sum * scale;
}

/** Natural logarithm of a positive number between 2⁻⁶⁰ and 2⁶⁰. */
export function log(x: number): number {
  let mantissa = x;
  let octaves = 0;
  while (mantissa > 1.5) {
    mantissa *= 0.5;
    octaves++;
  }
  while (mantissa < 0.75) {
    mantissa *= 2;
    octaves--;
  }
  // ln m = 2·artanh((m−1)/(m+1)).
  const s = (mantissa - 1) / (mantissa + 1);
  const s2 = s * s;
  let sum = 0;
  for (let n = 17; n >= 1; n -= 2) sum = sum * s2 + 1 / n;
  return octaves * LN2 + 2 * s * sum;
}

/** Sine of x in radians, |x| < 1000. */
export function sin(x: number): number {
  const half = Math.round(x / PI);
  const r = x - half * PI;
  const r2 = r * r;
  let sum = 1;
  for (let n = 16; n >= 2; n -= 2) sum = 1 - (sum * r2) / (n * (n + 1));
  return half % 2 === 0 ? sum * r : -sum * r;
}

export function cos(x: number): number {
  return sin(x + PI / 2);
}

/** 0 at `low` and beyond, 1 at `high` and beyond, a smooth cubic between; `low` may be the larger: then it falls. */
export function smoothStep(low: number, high: number, x: number): number {
  const t = clamp01((x - low) / (high - low));
  return t * t * (3 - 2 * t);
}

/** The half-chord of a rounded edge: 0 at the edge (d = 0) with a vertical rise, 1 from d = 1 on. */
export function roundedEdge(d: number): number {
  if (d <= 0) return 0;
  if (d >= 1) return 1;
  return Math.sqrt(d * (2 - d));
}

export function clamp01(x: number): number {
  return Math.min(Math.max(x, 0), 1);
}
