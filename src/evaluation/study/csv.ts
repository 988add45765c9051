import type { StudyCell, StudyTable } from "@/contracts/studyReport";
import { csvText } from "../csv";
import { columnTitle } from "./markdown";

/**
 * A table of a report as CSV, numbers whole. A column with intervals is followed by their ends (`… low`, `… high`); the reason
 * for a value that is absent stands in its place. Footnotes and caption are not in it.
 */
export function tableCsv({ columns, rows }: StudyTable): string {
  const withEnds = columns.map((_, at) => rows.some((row) => ends(row[at] ?? { value: null }) !== null));
  const header = columns.flatMap((column, at) => {
    const title = columnTitle(column);
    return withEnds[at] ? [title, `${title} low`, `${title} high`] : [title];
  });
  const lines = rows.map((row) =>
    row.flatMap((cell, at) => {
      const value = cell.value ?? cell.note ?? "";
      return withEnds[at] ? [value, ...(ends(cell) ?? ["", ""])] : [value];
    }),
  );
  return csvText(header, lines);
}

function ends({ value, ci95, interval }: StudyCell): readonly [number, number] | null {
  if (interval) return interval;
  return typeof value === "number" && ci95 !== undefined ? [value - ci95, value + ci95] : null;
}
