import type { Contender } from "./alternate";

/**
 * Relative difference of losses allowed between engines that should compute the same: float32 sums in another order, and
 * one step of Adam on their rounded gradients, stay ten times below it.
 */
export const LOSS_TOLERANCE = 1e-3;

const WHICH = ["before the first step", "after the first step"] as const;

/** The lab's float32 engine where it works, else the first that does. */
export function referenceOf(contenders: readonly Contender[]): Contender | undefined {
  const working = contenders.filter(({ failure }) => failure === null);
  return working.find(({ name }) => name === "webgpu") ?? working[0];
}

/** The same contenders, those failed whose losses are not the reference's: what computes something else is not compared. */
export function judgeLosses(contenders: readonly Contender[]): Contender[] {
  const reference = referenceOf(contenders);
  return contenders.map((contender) => {
    if (!reference || contender.failure !== null) return contender;
    for (const [at, which] of WHICH.entries()) {
      const expected = reference.results[at] ?? Number.NaN;
      const loss = contender.results[at] ?? Number.NaN;
      const off = Math.abs(loss - expected) / Math.abs(expected);
      // NaN is off too.
      if (!(off <= LOSS_TOLERANCE))
        return {
          ...contender,
          failure: `not compared: its loss ${which} is ${loss.toPrecision(6)} where ${reference.name} has ${expected.toPrecision(6)} (${(100 * off).toPrecision(2)} % apart, ${100 * LOSS_TOLERANCE} % allowed)`,
        };
    }
    return contender;
  });
}
