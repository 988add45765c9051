/**
 * Counts of brightness in `bins` equal intervals of [0, 1]; the last one includes 1. Values outside fall into the first
 * or last bin, NaN is not counted.
 */
export function histogram(data: Float32Array, bins = 256): Uint32Array<ArrayBuffer> {
  const counts = new Uint32Array(bins);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (Number.isNaN(value)) continue;
    const bin = value <= 0 ? 0 : value >= 1 ? bins - 1 : Math.min(Math.floor(value * bins), bins - 1);
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts;
}
