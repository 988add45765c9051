import { LabError } from "@/contracts/failure";

/**
 * a − b pair by pair. Pairs with a value that is not finite are left out: an identical image has an infinite PSNR and no
 * difference. Fails with `shape/pairs`.
 */
export function pairedDifferences(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  if (a.length !== b.length)
    throw new LabError(
      "shape/pairs",
      `A paired comparison was given ${a.length} and ${b.length} values.`,
      "Compare methods over the same images.",
    );
  return Float64Array.from(a, (value, i) => value - (b[i] as number)).filter(Number.isFinite);
}
