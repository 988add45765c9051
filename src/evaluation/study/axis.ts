export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
  /** Decimals that tell the ticks apart. */
  readonly digits: number;
}

/** Steps of 1, 2 or 5 times a power of ten, about `count` of them over a range. */
function niceStep(range: number, count: number): number {
  const raw = range / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= raw * (1 - 1e-9)) ?? 10;
  return factor * power;
}

/** An axis over values, its ends on ticks; from 0 where asked for. Without values from 0 to 1. */
export function axisOver(values: readonly number[], fromZero: boolean, count = 5): Axis {
  const known = values.filter(Number.isFinite);
  const lowest = known.length > 0 ? Math.min(...known) : 0;
  const highest = known.length > 0 ? Math.max(...known) : 1;
  let [low, high] = fromZero ? [0, Math.max(highest, 0)] : [lowest, highest];
  if (high <= low) {
    const room = Math.abs(high) * 0.05 || 1;
    if (!fromZero) low -= room;
    high += room;
  }
  const step = niceStep(high - low, count);
  const from = fromZero ? 0 : Math.floor(low / step + 1e-9) * step;
  const to = Math.ceil(high / step - 1e-9) * step;
  const ticks = Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step);
  return { from, to, ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}
