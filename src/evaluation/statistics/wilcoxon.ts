import { normalUpperTail } from "./normal";

/** Largest n with the exact distribution, as in SciPy: 2⁵⁰ outcomes are still counted exactly in float64. */
export const EXACT_MAX = 50;

export interface Wilcoxon {
  /** Sums of the ranks of positive and of negative differences. */
  readonly rankPlus: number;
  readonly rankMinus: number;
  /** Two-sided. */
  readonly p: number;
  readonly distribution: "exact" | "normal";
  /** Effect size (R₊ − R₋) / (R₊ + R₋), in [−1, 1]: matched-pairs rank-biserial correlation. */
  readonly rankBiserial: number;
}

export interface WilcoxonOptions {
  /** `auto`: exact where n ≤ 50 and there are neither zeros nor ties. Exact p-values of data with ties are approximate. */
  readonly distribution?: "auto" | "exact" | "normal";
  /** Moves the normal approximation's statistic half a rank towards its mean (SciPy's `correction`). */
  readonly continuity?: boolean;
}

/**
 * Wilcoxon's signed-rank test of paired differences, two-sided, zeros left out (SciPy's `wilcoxon` with
 * `zero_method="wilcox"`). The normal approximation is corrected for ties. Without any difference that is not 0 there is
 * no evidence: p is 1; without any difference at all it is NaN.
 */
export function wilcoxonSignedRank(
  differences: ArrayLike<number>,
  { distribution = "auto", continuity = false }: WilcoxonOptions = {},
): Wilcoxon {
  const kept = Float64Array.from(differences).filter((difference) => difference !== 0);
  const n = kept.length;
  if (n === 0) {
    const empty = differences.length === 0;
    return {
      rankPlus: 0,
      rankMinus: 0,
      p: empty ? Number.NaN : 1,
      distribution: "exact",
      rankBiserial: empty ? Number.NaN : 0,
    };
  }
  const { rankPlus, rankMinus, tieTerm } = signedRanks(kept);
  const plain = tieTerm === 0 && n === differences.length;
  const exact = distribution === "exact" || (distribution === "auto" && plain && n <= EXACT_MAX);
  return {
    rankPlus,
    rankMinus,
    p: exact ? exactP(n, rankPlus) : normalP(n, rankPlus, tieTerm, continuity),
    distribution: exact ? "exact" : "normal",
    rankBiserial: (rankPlus - rankMinus) / (rankPlus + rankMinus),
  };
}

/** Rank sums by sign, ties at their mean rank, and Σ t³ − t over groups of t tied values. */
function signedRanks(values: Float64Array): { rankPlus: number; rankMinus: number; tieTerm: number } {
  const sorted = values.toSorted((a, b) => Math.abs(a) - Math.abs(b));
  let rankPlus = 0;
  let rankMinus = 0;
  let tieTerm = 0;
  for (let start = 0; start < sorted.length; ) {
    const size = Math.abs(sorted[start] as number);
    let end = start + 1;
    while (end < sorted.length && Math.abs(sorted[end] as number) === size) end++;
    const rank = (start + 1 + end) / 2;
    for (let i = start; i < end; i++)
      if ((sorted[i] as number) > 0) rankPlus += rank;
      else rankMinus += rank;
    const tied = end - start;
    tieTerm += tied ** 3 - tied;
    start = end;
  }
  return { rankPlus, rankMinus, tieTerm };
}

/** From the number of subsets of 1 … n with each sum. */
function exactP(n: number, rankPlus: number): number {
  const sums = (n * (n + 1)) / 2;
  const ways = new Float64Array(sums + 1);
  ways[0] = 1;
  for (let rank = 1; rank <= n; rank++)
    for (let sum = sums; sum >= rank; sum--) ways[sum] = (ways[sum] as number) + (ways[sum - rank] as number);
  // The distribution is symmetric: the smaller tail is that of the smaller rank sum.
  const smaller = Math.floor(Math.min(rankPlus, sums - rankPlus));
  let outcomes = 0;
  for (let sum = 0; sum <= smaller; sum++) outcomes += ways[sum] as number;
  return Math.min(1, (2 * outcomes) / 2 ** n);
}

function normalP(n: number, rankPlus: number, tieTerm: number, continuity: boolean): number {
  const mean = (n * (n + 1)) / 4;
  const variance = (n * (n + 1) * (2 * n + 1) - tieTerm / 2) / 24;
  const away = Math.abs(rankPlus - mean);
  const z = (away - (continuity && away > 0 ? 0.5 : 0)) / Math.sqrt(variance);
  return Math.min(1, 2 * normalUpperTail(Math.abs(z)));
}
