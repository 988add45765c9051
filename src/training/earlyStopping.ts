/**
 * Counts epochs whose validation loss is not below the lowest so far. With a patience of P, training ends after P of
 * them in a row; a patience of null never ends it.
 */
export function countWithoutImprovement(
  before: number,
  validationLoss: number,
  lowest: number | null,
): { readonly improved: boolean; readonly count: number } {
  const improved = lowest === null || validationLoss < lowest;
  return { improved, count: improved ? 0 : before + 1 };
}

export function patienceIsOver(epochsWithoutImprovement: number, patience: number | null): boolean {
  return patience !== null && epochsWithoutImprovement >= patience;
}
