import { studentTwoSidedP } from "../interval";

export interface PairedT {
  readonly t: number;
  readonly degrees: number;
  /** Two-sided. */
  readonly p: number;
  /** Effect size d_z = mean / standard deviation of the differences (sample deviation, n − 1). */
  readonly cohensD: number;
}

/**
 * Paired t-test of the differences (SciPy's `ttest_rel`), with Cohen's d for paired samples. Needs two differences; with
 * fewer all is NaN. Where all are 0 there is no evidence: t and d are 0, p is 1. Where all are equal and not 0, t and d are
 * infinite and p is 0.
 */
export function pairedT(differences: ArrayLike<number>): PairedT {
  const n = differences.length;
  const degrees = n - 1;
  if (n < 2) return { t: Number.NaN, degrees, p: Number.NaN, cohensD: Number.NaN };
  let sum = 0;
  for (let i = 0; i < n; i++) sum += differences[i] as number;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += ((differences[i] as number) - mean) ** 2;
  if (mean === 0 && squares === 0) return { t: 0, degrees, p: 1, cohensD: 0 };
  const cohensD = mean / Math.sqrt(squares / degrees);
  const t = cohensD * Math.sqrt(n);
  return { t, degrees, p: studentTwoSidedP(t, degrees), cohensD };
}
