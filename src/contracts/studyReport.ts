import type { ImageMetrics, RunResult } from "./training";

/**
 * The study's tables and figures made again from chosen runs, as plain data (JSON): built in a worker or in Node, shown by a
 * screen, written in several formats. Numbers that are not finite are null in it.
 */
export const STUDY_REPORT_VERSION = 1;

/** A run that a report is made from: a stored record has all of this, and so has an exported result folder. */
export interface StudyRun {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly result: RunResult;
  /** Null when only the means were kept: paired comparisons are then left out. */
  readonly perImage: readonly ImageMetrics[] | null;
}

/** A test image of a run through its best weights; all arrays are [size, size], brightness in [0, 1] (outputs may leave it). */
export interface StudyPicture {
  readonly runId: string;
  /** Index in the dataset; the noise is drawn by it. */
  readonly imageIndex: number;
  /** Content hash: the same key is the same image. */
  readonly key: string;
  readonly size: number;
  readonly clean: Float32Array<ArrayBuffer>;
  readonly noisy: Float32Array<ArrayBuffer>;
  readonly denoised: Float32Array<ArrayBuffer>;
  readonly psnrDb: number;
  readonly noisyPsnrDb: number;
}

/** Whose number a column holds: measured here, printed in the study, or neither (what was set). */
export type StudySource = "ours" | "paper" | "condition";

export interface StudyColumn {
  readonly id: string;
  readonly title: string;
  /** e.g. `dB`; null for words and plain numbers. */
  readonly unit: string | null;
  readonly source: StudySource;
}

export interface StudyCell {
  readonly value: number | string | null;
  /** Half width of the 95 % interval around the value. */
  readonly ci95?: number;
  /** 95 % interval that need not lie evenly around the value. */
  readonly interval?: readonly [low: number, high: number];
  /** Decimals to show; the value itself is whole. Absent: as it is. */
  readonly digits?: number;
  /** `signed`: plus included; `count`: thousands set apart; `p`: a p-value, given as a bound when tiny. */
  readonly style?: "signed" | "count" | "p";
  /** In place of a value that is null: why there is none. */
  readonly note?: string;
  /** Which footnotes of the table speak of this cell, from 1. */
  readonly marks?: readonly number[];
}

export interface StudyTable {
  /** e.g. `table-3`: names its file too. */
  readonly id: string;
  /** e.g. `Table III`. */
  readonly title: string;
  readonly caption: string;
  /** The first is the row's header. */
  readonly columns: readonly StudyColumn[];
  /** A cell a column. */
  readonly rows: readonly (readonly StudyCell[])[];
  readonly footnotes: readonly string[];
}

/** A value with its 95 % interval; null ends where none can be given. */
export interface StudyMark {
  /** Which colour: a network's title. */
  readonly series: string;
  readonly source: "ours" | "paper";
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface StudyPanel {
  readonly title: string;
  /** Of the value axis, unit included. */
  readonly axis: string;
  readonly groups: readonly { readonly label: string; readonly marks: readonly StudyMark[] }[];
}

export interface StudyChart {
  /** `bars` begin at 0; `points` show a part of the axis. */
  readonly kind: "bars" | "points";
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** Side by side, each with an axis of its own. */
  readonly panels: readonly StudyPanel[];
}

/** A square part of an image, as shares of its side. */
export interface StudyCrop {
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** One test image: a column each for noisy, every network and clean; below each its crop and its error. */
export interface StudyPictureFigure {
  readonly kind: "pictures";
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly imageIndex: number;
  readonly key: string;
  readonly noise: { readonly mean: number; readonly std: number };
  /** Side of the image in pixels. */
  readonly size: number;
  readonly crop: StudyCrop;
  /** Absolute error that is drawn white. */
  readonly errorWhite: number;
  readonly columns: readonly {
    readonly label: string;
    readonly role: "noisy" | "network" | "clean";
    /** The run whose picture it is; of noisy and clean, any. */
    readonly runId: string;
    readonly psnrDb: number | null;
  }[];
}

/** A picture figure as one grey PNG: columns side by side, three cells one below the other. */
export interface StudyPictureImage {
  /** Of its figure. */
  readonly id: string;
  readonly width: number;
  readonly height: number;
  /** Side of a cell, and what is between cells, in pixels. */
  readonly cell: number;
  readonly gap: number;
  readonly png: Uint8Array<ArrayBuffer>;
}

export type StudyFigure = StudyChart | StudyPictureFigure;

export interface StudyReport {
  readonly schemaVersion: typeof STUDY_REPORT_VERSION;
  readonly title: string;
  /** The paper that it stands beside. */
  readonly citation: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  /** What the tables say, in a few sentences. */
  readonly summary: readonly string[];
  /** What each run was made with. */
  readonly conditions: StudyTable;
  /** What is not as in the study: data, protocol, hardware. */
  readonly differences: StudyTable;
  readonly tables: readonly StudyTable[];
  readonly figures: readonly StudyFigure[];
  /** What is not in it and why, a sentence each. */
  readonly leftOut: readonly string[];
}

/** Smaller p-values are given as a bound: the approximations behind them say no more. */
const SMALLEST_P = 1e-4;

function numberText(value: number, { digits, style }: StudyCell): string {
  if (style === "p") return value < SMALLEST_P ? "< 0.0001" : value.toFixed(4);
  const size = Math.abs(value);
  const text =
    style === "count"
      ? Math.round(size).toLocaleString("en-US")
      : digits === undefined
        ? String(size)
        : size.toFixed(digits);
  const sign = value < 0 ? "−" : style === "signed" ? "+" : "";
  return sign + text;
}

/** A cell as people read it, without its footnote marks: "34.952 ± 0.040", "+0.31 [+0.20, +0.42]", "not run", "–". */
export function studyCellText(cell: StudyCell): string {
  const { value, ci95, interval, note } = cell;
  if (value === null) return note ?? "–";
  if (typeof value === "string") return value;
  const text = numberText(value, cell);
  if (interval) return `${text} [${interval.map((end) => numberText(end, cell)).join(", ")}]`;
  return ci95 === undefined ? text : `${text} ± ${numberText(ci95, { value: ci95, ...digitsOf(cell) })}`;
}

/** The same as its value and, where it has one, its interval: a narrow column breaks between these only. */
export function studyCellLines(cell: StudyCell): readonly string[] {
  const text = studyCellText(cell);
  if (typeof cell.value !== "number" || !(cell.interval || cell.ci95 !== undefined)) return [text];
  const at = text.search(/ [±[]/);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** What a line should not break in: a number with its interval, a p, a network's name. */
const WHOLE = /(\S+ ± [\d.]+(?: dB)?|p [<=] [\d.]*\d|U-Net(?:\+\+)?)/;

/** A sentence in pieces, every second of which should stay on one line. */
export const proseParts = (sentence: string): readonly string[] => sentence.split(WHOLE);

const digitsOf = ({ digits }: StudyCell): Pick<StudyCell, "digits"> =>
  digits === undefined ? {} : { digits };

/** Neighbouring columns with the same source; `first` is the place of the first of them. */
export function studyColumnGroups(
  columns: readonly StudyColumn[],
): readonly { readonly source: StudySource; readonly first: number; readonly span: number }[] {
  const groups: { source: StudySource; first: number; span: number }[] = [];
  for (const [first, { source }] of columns.entries()) {
    const last = groups.at(-1);
    if (last?.source === source) last.span++;
    else groups.push({ source, first, span: 1 });
  }
  return groups;
}
