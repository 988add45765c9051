import {
  type StudyCell,
  type StudyColumn,
  type StudyFigure,
  type StudyReport,
  type StudySource,
  type StudyTable,
  studyCellText,
  studyColumnGroups,
} from "@/contracts/studyReport";
import { chartPgfplots, PGFPLOTS_PREAMBLE } from "./chartPgfplots";
import { escapeLatex } from "./escapeLatex";
import { DISCLAIMER, minuteOf } from "./markdown";

/** Words longer than this get a column that breaks lines. */
const LONG_WORDS = 26;

function alignment(table: StudyTable, at: number): string {
  const cells = table.rows.map((row) => row[at] ?? { value: null });
  const longest = Math.max(0, ...cells.map((cell) => studyCellText(cell).length));
  if (cells.some(({ value }) => typeof value === "number") || cells.every(({ value }) => value === null))
    return "r";
  return longest > LONG_WORDS ? ">{\\raggedright\\arraybackslash}p{0.2\\linewidth}" : "l";
}

function cellLatex(cell: StudyCell): string {
  const marks = (cell.marks ?? []).join(",");
  return `${escapeLatex(studyCellText(cell))}${marks && `\\textsuperscript{${marks}}`}`;
}

const SOURCE_TITLES: Readonly<Record<StudySource, string>> = {
  ours: "Ours",
  paper: "The study",
  condition: "",
};

function headLines(columns: readonly StudyColumn[]): string[] {
  const titles = columns.map(({ title, unit }) => escapeLatex(unit === null ? title : `${title} (${unit})`));
  const groups = studyColumnGroups(columns);
  if (!groups.some(({ source, span }) => source !== "condition" && span > 1))
    return [`${titles.join(" & ")} \\\\`];
  let first = 1;
  const rules: string[] = [];
  const cells = groups.map(({ source, span }) => {
    if (source !== "condition") rules.push(`\\cmidrule(lr){${first}-${first + span - 1}}`);
    first += span;
    return `\\multicolumn{${span}}{c}{${SOURCE_TITLES[source]}}`;
  });
  return [`${cells.join(" & ")} \\\\`, rules.join(" "), `${titles.join(" & ")} \\\\`];
}

/** A table with booktabs' rules, no wider than the text (adjustbox), long words ragged (array). */
export function tableLatex(table: StudyTable): string {
  const { id, title, caption, columns, rows, footnotes } = table;
  return [
    "\\begin{table}[htbp]",
    "\\centering\\footnotesize",
    `\\caption*{${escapeLatex(`${title}. ${caption}`)}}`,
    `\\label{tab:${id}}`,
    "\\begin{adjustbox}{max width=\\linewidth}",
    `\\begin{tabular}{@{}${columns.map((_, at) => alignment(table, at)).join("")}@{}}`,
    "\\toprule",
    ...headLines(columns),
    "\\midrule",
    ...rows.map((row) => `${row.map(cellLatex).join(" & ")} \\\\`),
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{adjustbox}",
    ...footnotes.map(
      (sentence, i) => `\\par\\smallskip\\raggedright\\textsuperscript{${i + 1}} ${escapeLatex(sentence)}`,
    ),
    "\\end{table}",
  ].join("\n");
}

const itemize = (sentences: readonly string[]): string[] =>
  sentences.length === 0
    ? []
    : [
        "\\begin{itemize}",
        ...sentences.map((sentence) => `\\item ${escapeLatex(sentence)}`),
        "\\end{itemize}",
      ];

/** A chart is drawn by LaTeX itself; a picture is its PNG file, left out where there is none. */
function figureLatex(figure: StudyFigure, pictureFiles: ReadonlyMap<string, string>): string[] {
  const file = pictureFiles.get(figure.id);
  const picture = figure.kind === "pictures";
  const drawing = picture ? "" : chartPgfplots(figure);
  if (picture ? file === undefined : drawing === "") return [];
  return [
    "\\begin{figure}[htbp]",
    "\\centering",
    ...(picture
      ? [`\\includegraphics[width=\\linewidth,height=0.8\\textheight,keepaspectratio]{${file}}`]
      : [
          "\\begin{adjustbox}{max width=\\linewidth,max totalheight=0.8\\textheight}",
          drawing,
          "\\end{adjustbox}",
        ]),
    `\\caption*{${escapeLatex(`${figure.title}. ${figure.caption}${picture ? ` From left to right: ${figure.columns.map(({ label }) => label).join(", ")}.` : ""}`)}}`,
    `\\label{fig:${figure.id}}`,
    "\\end{figure}",
  ];
}

/** `report.tex`: a document that compiles by itself with the PNG files of its pictures beside it. */
export function reportLatex(report: StudyReport, pictureFiles: ReadonlyMap<string, string>): string {
  const { title, citation, madeAt, summary, conditions, differences, tables, figures, leftOut } = report;
  return `${[
    "\\documentclass[10pt]{article}",
    "\\usepackage[utf8]{inputenc}",
    "\\usepackage[T1]{fontenc}",
    "\\usepackage[a4paper,landscape,margin=1.5cm]{geometry}",
    "\\usepackage{array,booktabs,adjustbox,graphicx,caption,placeins}",
    ...PGFPLOTS_PREAMBLE,
    `\\title{${escapeLatex(title)}}`,
    `\\author{${escapeLatex(DISCLAIMER)}}`,
    `\\date{${escapeLatex(minuteOf(madeAt))}}`,
    "\\begin{document}",
    "\\maketitle",
    `\\noindent Beside ${escapeLatex(citation)}.`,
    ...itemize(summary),
    tableLatex(differences),
    // No headings above floats: they stayed behind alone where a table went to the next page. Captions say what it is.
    "\\FloatBarrier",
    ...tables.map(tableLatex),
    ...figures.flatMap((figure) => figureLatex(figure, pictureFiles)),
    "\\FloatBarrier",
    tableLatex(conditions),
    ...(leftOut.length > 0 ? ["\\FloatBarrier\\section*{Left out}", ...itemize(leftOut)] : []),
    "\\end{document}",
  ].join("\n")}\n`;
}
