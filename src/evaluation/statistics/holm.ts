/**
 * Holm's step-down correction of a family of p-values (Scand. J. Statist. 6, 1979): the family-wise error stays below
 * the level without further assumptions. In the order given; NaN (no test was possible) stays NaN and is no member of the family.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues
    .map((p, index) => ({ p, index }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => a.p - b.p);
  const corrected = pValues.map(() => Number.NaN);
  let largest = 0;
  order.forEach(({ p, index }, rank) => {
    largest = Math.max(largest, Math.min(1, (order.length - rank) * p));
    corrected[index] = largest;
  });
  return corrected;
}
