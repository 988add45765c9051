import {
  type StudyCell,
  type StudyColumn,
  type StudyReport,
  type StudyTable,
  studyCellText,
} from "@/contracts/studyReport";
import { table as markdownTable } from "../reportParts";

/** A column that says itself whose it is. */
export const THE_STUDY = "The study";

/** "PSNR (dB)"; of the study "Study: PSNR (dB)". */
export function columnTitle({ title, unit, source }: StudyColumn): string {
  const named = unit === null ? title : `${title} (${unit})`;
  return source === "paper" && title !== THE_STUDY ? `Study: ${named}` : named;
}

/** `[^…]` needs an anchor of its own in every table; superscripts stand on their own. */
function cellMarkdown(cell: StudyCell): string {
  const marks = (cell.marks ?? []).map((mark) => `<sup>${mark}</sup>`).join(" ");
  return studyCellText(cell) + marks;
}

/** A table of a report as Markdown, caption first. */
export function tableMarkdown({ title, caption, columns, rows, footnotes }: StudyTable): string {
  return [
    `**${title}.** ${caption}`,
    markdownTable(
      columns.map(columnTitle),
      rows.map((row) => row.map(cellMarkdown)),
    ),
    ...footnotes.map((sentence, i) => `<sup>${i + 1}</sup> ${sentence}`),
  ].join("\n\n");
}

/** 2026-01-02 03:04 UTC. */
export function minuteOf(unixMs: number): string {
  return `${new Date(unixMs).toISOString().replace("T", " ").slice(0, 16)} UTC`;
}

export const DISCLAIMER = "Made with Denoise Lab. For study, not for diagnosis.";

/** `report.md`. Figures are links to the files of `studyFiles`, or only named where there are none. */
export function reportMarkdown(report: StudyReport, figureFiles: ReadonlyMap<string, string>): string {
  const { title, citation, madeAt, summary, conditions, differences, tables, figures, leftOut } = report;
  const list = (sentences: readonly string[]): string =>
    sentences.map((sentence) => `- ${sentence}`).join("\n");
  const sections = [
    `# ${title}`,
    `${DISCLAIMER} ${minuteOf(madeAt)}. Beside ${citation}.`,
    list(summary),
    "## Differences from the study",
    tableMarkdown(differences),
    "## Tables",
    ...tables.map(tableMarkdown),
    "## Figures",
    ...figures.map((figure) => {
      const file = figureFiles.get(figure.id);
      const picture = file === undefined ? "" : `![${figure.title}](${file})\n\n`;
      return `${picture}**${figure.title}.** ${figure.caption}`;
    }),
    "## Conditions",
    tableMarkdown(conditions),
    ...(leftOut.length > 0 ? ["## Left out", list(leftOut)] : []),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}
