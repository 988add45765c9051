import type { StudyCell } from "@/contracts/studyReport";
import type { MeanInterval } from "@/contracts/training";

/** Cells of a report's tables. What is not finite becomes null: a report is JSON. */

export const PSNR_DIGITS = 3;
export const SIMILARITY_DIGITS = 4;
export const SECONDS_DIGITS = 1;

export const words = (value: string): StudyCell => ({ value });
export const absent = (note: string, marks: readonly number[] = []): StudyCell =>
  withMarks({ value: null, note }, marks);

export function number(value: number, digits: number, style?: StudyCell["style"]): StudyCell {
  if (!Number.isFinite(value)) return { value: null };
  return { value, digits, ...(style && { style }) };
}

export const count = (value: number): StudyCell => ({ value, style: "count" });

export function mean(
  { mean: value, ci95 }: { readonly mean: number; readonly ci95: number | null },
  digits: number,
): StudyCell {
  if (!Number.isFinite(value)) return { value: null };
  return { value, digits, ...(ci95 !== null && Number.isFinite(ci95) && { ci95 }) };
}

export function pValue(value: number): StudyCell {
  return Number.isFinite(value) ? { value, style: "p" } : { value: null };
}

export function difference(
  { mean: value, low, high }: { readonly mean: number; readonly low: number; readonly high: number },
  digits: number,
): StudyCell {
  if (!Number.isFinite(value)) return { value: null };
  const known = Number.isFinite(low) && Number.isFinite(high);
  return { value, digits, style: "signed", ...(known && { interval: [low, high] as const }) };
}

export function withMarks(cell: StudyCell, marks: readonly number[]): StudyCell {
  return marks.length > 0 ? { ...cell, marks: [...(cell.marks ?? []), ...marks] } : cell;
}

export function isInterval(value: unknown): value is MeanInterval {
  return typeof value === "object" && value !== null && "mean" in value && "ci95" in value;
}

/** Footnotes of a table: the same sentence has the same number. */
export class Footnotes {
  readonly sentences: string[] = [];

  mark(sentence: string): number {
    const at = this.sentences.indexOf(sentence);
    return at >= 0 ? at + 1 : this.sentences.push(sentence);
  }
}
