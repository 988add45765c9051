import {
  type StudyCell,
  type StudyColumn,
  type StudyReport,
  type StudySource,
  type StudyTable,
  studyCellText,
  studyColumnGroups,
} from "@/contracts/studyReport";
import { DISCLAIMER, minuteOf } from "./markdown";

/** What TeX reads as something else, and signs that its oldest fonts lack. */
const SPECIAL: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  "&": "\\&",
  "%": "\\%",
  $: "\\$",
  "#": "\\#",
  _: "\\_",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "\\textquotedbl{}",
  // After a line's end TeX would take it for the start of an option.
  "[": "{[}",
  σ: "$\\sigma$",
  "±": "$\\pm$",
  "×": "$\\times$",
  "−": "$-$",
  "≥": "$\\geq$",
  "≤": "$\\leq$",
  "·": "$\\cdot$",
  "²": "$^2$",
  "–": "--",
  "—": "---",
  "…": "\\ldots{}",
  "“": "``",
  "”": "''",
  "‘": "`",
  "’": "'",
  "\u00a0": "~",
};

/** What T1 fonts lack would end the run of TeX: a name in another script loses its letters here, and here only. */
const NOT_IN_T1 = /[^\x20-\x7e\u00a0-\u017f]/gu;

/** Text as LaTeX sets it; every special character stands for itself. */
export function escapeLatex(text: string): string {
  const escaped = text.replace(/[\\{}&%$#_~^<>|"[σ±×−≥≤·²–—…“”‘’\u00a0]/g, (sign) => SPECIAL[sign] ?? sign);
  return escaped.replace(NOT_IN_T1, "?");
}

/** Words longer than this get a column that breaks lines. */
const LONG_WORDS = 26;

function alignment(table: StudyTable, at: number): string {
  const cells = table.rows.map((row) => row[at] ?? { value: null });
  const longest = Math.max(0, ...cells.map((cell) => studyCellText(cell).length));
  if (cells.some(({ value }) => typeof value === "number") || cells.every(({ value }) => value === null))
    return "r";
  return longest > LONG_WORDS ? "p{0.2\\linewidth}" : "l";
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

/** A table with booktabs' rules, no wider than the text (adjustbox). */
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

/** `report.tex`: a document that compiles by itself with the PNG files of its pictures beside it. */
export function reportLatex(report: StudyReport, pictureFiles: ReadonlyMap<string, string>): string {
  const { title, citation, madeAt, summary, conditions, differences, tables, figures, leftOut } = report;
  return `${[
    "\\documentclass[10pt]{article}",
    "\\usepackage[utf8]{inputenc}",
    "\\usepackage[T1]{fontenc}",
    "\\usepackage[a4paper,landscape,margin=1.5cm]{geometry}",
    "\\usepackage{booktabs,adjustbox,graphicx,caption,placeins}",
    `\\title{${escapeLatex(title)}}`,
    `\\author{${escapeLatex(DISCLAIMER)}}`,
    `\\date{${escapeLatex(minuteOf(madeAt))}}`,
    "\\begin{document}",
    "\\maketitle",
    `\\noindent Beside ${escapeLatex(citation)}.`,
    ...itemize(summary),
    "\\section*{Differences from the study}",
    tableLatex(differences),
    "\\FloatBarrier\\section*{Tables}",
    ...tables.map(tableLatex),
    ...figures.flatMap((figure) => {
      const file = pictureFiles.get(figure.id);
      if (file === undefined) return [];
      return [
        "\\begin{figure}[htbp]",
        "\\centering",
        `\\includegraphics[width=\\linewidth,height=0.8\\textheight,keepaspectratio]{${file}}`,
        `\\caption*{${escapeLatex(`${figure.title}. ${figure.caption}${figure.kind === "pictures" ? ` From left to right: ${figure.columns.map(({ label }) => label).join(", ")}.` : ""}`)}}`,
        `\\label{fig:${figure.id}}`,
        "\\end{figure}",
      ];
    }),
    "\\FloatBarrier\\section*{Conditions}",
    tableLatex(conditions),
    ...(leftOut.length > 0 ? ["\\FloatBarrier\\section*{Left out}", ...itemize(leftOut)] : []),
    "\\end{document}",
  ].join("\n")}\n`;
}
