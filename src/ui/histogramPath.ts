/**
 * The highest count that a histogram's scale should reach: the largest of all bins but the first and the last, because
 * clamping piles pixels up at 0 and 1 and would flatten everything else. At least 1.
 */
export function histogramTop(...series: readonly Uint32Array[]): number {
  let top = 1;
  for (const bins of series) for (let i = 1; i < bins.length - 1; i++) top = Math.max(top, bins[i] as number);
  return top;
}

/** An SVG path of steps, one unit wide a bin, `height` units for `top` counts; higher bins are cut off. */
export function histogramPath(bins: Uint32Array, top: number, height: number): string {
  const parts = [`M0,${height}`];
  for (let i = 0; i < bins.length; i++) {
    const y = height - Math.min(1, (bins[i] as number) / top) * height;
    parts.push(`L${i},${y.toFixed(2)}`, `L${i + 1},${y.toFixed(2)}`);
  }
  parts.push(`L${bins.length},${height}Z`);
  return parts.join("");
}
