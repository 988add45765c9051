import {
  proseParts,
  type StudyCell,
  type StudyFigure,
  type StudyPictureImage,
  type StudyReport,
  type StudySource,
  type StudyTable,
  studyCellLines,
  studyCellText,
  studyColumnGroups,
} from "@/contracts/studyReport";
import { chartSvg } from "./chartSvg";
import { DISCLAIMER, minuteOf } from "./markdown";
import { pictureSvg } from "./pictureSvg";
import { DARK, escapeXml, FONT, INHERITED, LIGHT, type Palette } from "./svg";

const variables = (
  { background, ink, dimmed, line, series }: Palette,
  page: string,
  accent: string,
): string =>
  [
    `--page:${page}`,
    `--surface:${background}`,
    `--ink:${ink}`,
    `--dimmed:${dimmed}`,
    `--line:${line}`,
    `--accent:${accent}`,
    ...series.map((colour, i) => `--series-${i + 1}:${colour}`),
  ].join(";");

const STYLE = `
:root{color-scheme:light dark;${variables(LIGHT, "#f5f8f9", "#0a6b73")}}
@media (prefers-color-scheme:dark){:root{${variables(DARK, "#0d151c", "#62d0d5")}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 ${FONT}}
main{max-width:1560px;margin:0 auto;padding:40px 20px 80px}
h1{font-size:1.8rem;line-height:1.2;margin:0 0 6px;letter-spacing:-0.01em}
h2{font-size:1.2rem;margin:44px 0 12px}
p,li{max-width:80ch}
ul{margin:10px 0 0;padding-left:1.3em}
li+li{margin-top:5px}
.dimmed{color:var(--dimmed)}
section,figure{background:var(--surface);border:1px solid var(--line);border-radius:12px;padding:18px 20px;margin:0 0 18px}
h3,section h2{margin:0 0 4px}
h3{font-size:1rem}
.scroll{overflow-x:auto;margin:10px -20px 0}
table{border-collapse:collapse;font-size:0.87rem;font-variant-numeric:tabular-nums}
th,td{padding:6px 9px 6px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
thead th{color:var(--dimmed);font-weight:600;vertical-align:bottom}
thead td{border-bottom:0}
tr>:first-child{position:sticky;left:0;padding-left:20px;background:var(--surface)}
tr>:last-child{padding-right:20px}
thead tr:first-child th[colspan]{color:var(--ink);border-bottom:0;padding-bottom:0}
tbody th{font-weight:600;min-width:8em}
tbody .short{white-space:nowrap}
td.words{min-width:8em;max-width:26em}
td.number,th.number{text-align:right}
td.number span,.whole{white-space:nowrap}
td.absent{color:var(--dimmed)}
.paper{background:color-mix(in srgb,var(--accent) 7%,transparent)}
th.paper,td.paper,.paper+:not(.paper){padding-left:10px}
sup{line-height:0}
.notes{font-size:0.82rem;color:var(--dimmed);margin:10px 0 0;padding-left:1.4em}
figure svg{display:block;width:100%;max-width:1100px;height:auto}
figcaption{margin-top:12px;font-size:0.87rem}
@page{size:A4 landscape;margin:12mm}
@media print{:root{${variables(LIGHT, "#ffffff", "#0a6b73")}}body{font-size:11px}p,li{max-width:none}h2,h3{break-after:avoid}.notes{font-size:0.8em}main{max-width:none;padding:0}section,figure{border:0;padding:0;break-inside:avoid}.scroll{overflow:visible;margin:6px 0 0}tr>:first-child{position:static;padding-left:0}table{font-size:0.8em;width:100%}th,td{padding:3px 7px 3px 0}figure svg{max-height:165mm}}
`;

const SOURCE_TITLES: Readonly<Record<StudySource, string>> = {
  ours: "Ours",
  paper: "The study",
  condition: "",
};

const isNumberColumn = ({ rows }: StudyTable, at: number): boolean =>
  rows.some((row) => typeof row[at]?.value === "number") || rows.every((row) => row[at]?.value === null);

function cellHtml(cell: StudyCell): string {
  const marks = cell.marks?.length ? `<sup>${cell.marks.join(", ")}</sup>` : "";
  const [value = "", ...interval] = studyCellLines(cell);
  // Numbers stay whole; what has words in place of a number may break anywhere.
  const lines =
    typeof cell.value === "number"
      ? [value, ...interval].map((line) => `<span>${escapeXml(line)}</span>`)
      : [escapeXml(value)];
  return lines.join(" ") + marks;
}

/** Names of rows up to this length stay on one line. */
const SHORT = 24;

/** `level`: of its heading. */
function tableHtml(table: StudyTable, level: 2 | 3 = 3): string {
  const { title, caption, columns, rows, footnotes } = table;
  const classesOf = (at: number, cell?: StudyCell): string => {
    const names = [
      isNumberColumn(table, at) ? "number" : "words",
      ...(columns[at]?.source === "paper" ? ["paper"] : []),
      ...(cell && cell.value === null ? ["absent"] : []),
    ];
    return ` class="${names.join(" ")}"`;
  };
  const groups = studyColumnGroups(columns);
  const groupRow = groups.some(({ source, span }) => source !== "condition" && span > 1)
    ? `<tr>${groups.map(({ source, span }) => (source === "condition" ? `<td colspan="${span}"></td>` : `<th scope="colgroup" colspan="${span}"${source === "paper" ? ' class="paper"' : ""}>${SOURCE_TITLES[source]}</th>`)).join("")}</tr>`
    : "";
  const head = columns
    .map(
      ({ title: name, unit }, at) =>
        `<th scope="col"${classesOf(at)}>${escapeXml(unit === null ? name : `${name} (${unit})`)}</th>`,
    )
    .join("");
  const body = rows
    .map(
      (row) =>
        `<tr>${row.map((cell, at) => (at === 0 ? `<th scope="row"${studyCellText(cell).length <= SHORT ? ' class="short"' : ""}>${cellHtml(cell)}</th>` : `<td${classesOf(at, cell)}>${cellHtml(cell)}</td>`)).join("")}</tr>`,
    )
    .join("\n");
  const notes =
    footnotes.length > 0
      ? `<ol class="notes">${footnotes.map((sentence) => `<li>${escapeXml(sentence)}</li>`).join("")}</ol>`
      : "";
  return `<section id="${table.id}"><h${level}>${escapeXml(title)}</h${level}><p class="dimmed">${escapeXml(caption)}</p><div class="scroll" tabindex="0" role="region" aria-label="${escapeXml(title)}"><table><thead>${groupRow}<tr>${head}</tr></thead><tbody>${body}</tbody></table></div>${notes}</section>`;
}

function figureHtml(figure: StudyFigure, images: readonly StudyPictureImage[]): string {
  const caption = `<figcaption><strong>${escapeXml(figure.title)}.</strong> ${escapeXml(figure.caption)}</figcaption>`;
  if (figure.kind !== "pictures") return `<figure>${chartSvg(figure, INHERITED)}${caption}</figure>`;
  const image = images.find(({ id }) => id === figure.id);
  return image ? `<figure>${pictureSvg(figure, image, INHERITED)}${caption}</figure>` : "";
}

const prose = (text: string): string =>
  proseParts(text)
    .map((part, at) => (at % 2 === 1 ? `<span class="whole">${escapeXml(part)}</span>` : escapeXml(part)))
    .join("");

const list = (sentences: readonly string[]): string =>
  `<ul>${sentences.map((sentence) => `<li>${prose(sentence)}</li>`).join("")}</ul>`;

/** `report.html`: everything in one file, which asks for nothing from anywhere. */
export function reportHtml(report: StudyReport, images: readonly StudyPictureImage[]): string {
  const { title, citation, madeAt, summary, conditions, differences, tables, figures, leftOut } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${prose(title)}</h1>
<p class="dimmed">${escapeXml(`${DISCLAIMER} ${minuteOf(madeAt)}. Beside ${citation}.`)}</p>
${summary.length > 0 ? `<section id="summary"><h2>In short</h2>${list(summary)}</section>` : ""}
${tableHtml(differences, 2)}
<h2>Tables</h2>
${tables.map((table) => tableHtml(table)).join("\n")}
<h2>Figures</h2>
${figures.map((figure) => figureHtml(figure, images)).join("\n")}
${tableHtml(conditions, 2)}
${leftOut.length > 0 ? `<h2>Left out</h2>\n${list(leftOut)}` : ""}
</main>
</body>
</html>
`;
}
