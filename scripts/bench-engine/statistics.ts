/** Quantile by linear interpolation between the sorted values; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const low = Math.floor(position);
  const below = sorted[low] ?? Number.NaN;
  const above = sorted[Math.min(low + 1, sorted.length - 1)] ?? Number.NaN;
  return below + (position - low) * (above - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** How many times as long one engine takes as another. */
export interface Ratio {
  /** Of the medians. */
  readonly ratio: number;
  /** Least and greatest of the rounds' own ratios. */
  readonly least: number;
  readonly greatest: number;
}

/** Times of the same rounds of two engines; a round that one of them lacks is left out. */
export function ratioOf(slower: readonly number[], faster: readonly number[]): Ratio {
  const rounds = Math.min(slower.length, faster.length);
  const each = Array.from(
    { length: rounds },
    (_, i) => (slower[i] ?? Number.NaN) / (faster[i] ?? Number.NaN),
  );
  return {
    ratio: median(slower) / median(faster),
    least: quantile(each, 0),
    greatest: quantile(each, 1),
  };
}
