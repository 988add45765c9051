import type { StudyChart, StudyMark } from "@/contracts/studyReport";
import type { Axis } from "./axis";
import {
  aligned,
  apart,
  legendNotes,
  markText,
  type PanelRows,
  panelAxis,
  seriesOf,
  ticksText,
} from "./chartParts";
import { escapeLatex } from "./escapeLatex";
import { LIGHT } from "./svg";

/** What a document needs before `\begin{document}` for these charts. */
export const PGFPLOTS_PREAMBLE = [
  "\\usepackage{pgfplots}",
  "\\usepgfplotslibrary{groupplots}",
  "\\pgfplotsset{compat=1.16}",
] as const;

/** Centimetres. A mark's row is 1 on the axis of rows. */
const ROW_CM = 0.42;
const GROUP_GAP_ROWS = 0.7;
const BARS_WIDTH_CM = 16;
const POINTS_WIDTH_CM = 18;
const POINTS_GAP_CM = 1;

/** Marks of a series; the study's are pale (bars) or hollow (points). */
interface Plot {
  readonly series: number;
  readonly source: StudyMark["source"];
  readonly points: readonly { readonly mark: StudyMark; readonly row: number }[];
}

const SHAPES = ["*", "square*", "diamond*", "triangle*"] as const;

function colourOf(series: number): string {
  return `denoiselab${(series % LIGHT.series.length) + 1}`;
}

function plotsOf(
  { groups }: PanelRows,
  names: readonly string[],
): { plots: Plot[]; ticks: number[]; rows: number } {
  const plots = new Map<
    string,
    { series: number; source: StudyMark["source"]; points: { mark: StudyMark; row: number }[] }
  >();
  const ticks: number[] = [];
  let row = GROUP_GAP_ROWS / 2;
  for (const { marks, rows } of groups) {
    ticks.push(row + rows / 2);
    for (const [place, mark] of marks.entries()) {
      // pgfplots draws the caps of an interval of no length too: marks without one are a plot of their own.
      const key = JSON.stringify([mark.series, mark.source, mark.low === null || mark.high === null]);
      const plot = plots.get(key) ?? { series: names.indexOf(mark.series), source: mark.source, points: [] };
      plot.points.push({ mark, row: row + place + 0.5 });
      plots.set(key, plot);
    }
    row += rows + GROUP_GAP_ROWS;
  }
  return { plots: [...plots.values()], ticks, rows: row - GROUP_GAP_ROWS / 2 };
}

/** How a series is drawn; the same in the legend. */
function style(kind: StudyChart["kind"], series: number, source: StudyMark["source"]): string {
  const colour = colourOf(series);
  if (kind === "points") {
    const fill = source === "paper" ? "white" : colour;
    return `only marks,color=${colour},mark=${SHAPES[series % SHAPES.length]},mark size=2.6pt,mark options={draw=${colour},fill=${fill},line width=0.9pt}`;
  }
  return source === "paper" ? `fill=${colour}!18,draw=${colour}` : `fill=${colour}!80,draw=none`;
}

/** Coordinates with the interval's lengths to either side, whole as they are in the data. */
function coordinates({ points }: Plot): string {
  return points
    .map(({ mark: { value, low, high }, row }) => {
      const interval =
        low === null || high === null
          ? ""
          : ` += (${lengthText(high - value)},0) -= (${lengthText(value - low)},0)`;
      return `(${value},${threeDecimals(row)})${interval}`;
    })
    .join(" ");
}

/** Without the last digits of a float64, which the subtraction made. */
const lengthText = (length: number): string => String(Number(length.toPrecision(12)));

const threeDecimals = (row: number): string => String(Math.round(row * 1000) / 1000);

const hasIntervals = ({ points }: Plot): boolean =>
  points.some(({ mark: { low, high } }) => low !== null && high !== null);

function plotLatex(kind: StudyChart["kind"], plot: Plot): string {
  const { series, source } = plot;
  const ink = kind === "bars" ? "black" : colourOf(series);
  const options = [
    ...(kind === "bars" ? ["xbar", "bar shift=0pt", `bar width=${ROW_CM * 0.72}cm`] : []),
    style(kind, series, source),
    "forget plot",
    ...(hasIntervals(plot)
      ? [
          `error bars/.cd,x dir=both,x explicit,error bar style={${ink},line width=0.8pt},error mark options={${ink},rotate=90,mark size=2.4pt,line width=0.8pt}`,
        ]
      : []),
  ];
  return `\\addplot[${options.join(",")}] coordinates {${coordinates(plot)}};`;
}

/** Numbers right of bars; where the interval leaves the axis, at its edge. */
function numbers(plots: readonly Plot[], axis: Axis, digits: number): string[] {
  return plots.flatMap(({ points }) =>
    points.map(({ mark, row }) => {
      const end = Math.min(axis.to, Math.max(mark.value, mark.high ?? mark.value));
      return `\\node[right,xshift=2pt,fill=white,inner sep=1.5pt,font=\\footnotesize] at (axis cs:${end},${threeDecimals(row)}) {${escapeLatex(markText(mark, digits))}};`;
    }),
  );
}

/** A list for pgfplots. `\strut` because the braces of a list of one are taken off, and its commas would then part it. */
const braced = (texts: readonly string[]): string =>
  `{${texts.map((text) => `{\\strut{${text}}}`).join(",")}}`;

function panelLatex(chart: StudyChart, panel: PanelRows, widthCm: number, withLabels: boolean): string[] {
  const { kind } = chart;
  const { axis, valueDigits } = panelAxis(chart, panel);
  const { plots, ticks, rows } = plotsOf(panel, seriesOf(chart));
  const options = [
    `title={${escapeLatex(panel.title)}}`,
    `xlabel={${escapeLatex(panel.axis)}}`,
    `width=${threeDecimals(widthCm)}cm,height=${threeDecimals(rows * ROW_CM)}cm`,
    `xmin=${axis.from},xmax=${axis.to},ymin=0,ymax=${threeDecimals(rows)}`,
    `xtick={${axis.ticks.join(",")}}`,
    `xticklabels=${braced(axis.ticks.map((tick) => escapeLatex(ticksText(tick, axis.digits))))}`,
    `ytick={${ticks.map(threeDecimals).join(",")}}`,
    `yticklabels=${withLabels ? braced(panel.groups.map(({ label }) => escapeLatex(label))) : "{}"}`,
  ];
  return [
    `\\nextgroupplot[${options.join(",\n  ")}]`,
    ...plots.map((plot) => plotLatex(kind, plot)),
    ...(kind === "bars" ? numbers(plots, axis, valueDigits) : []),
  ];
}

/** One line above the panels: the series' signs and names, then what pale or hollow signs and the lines are. */
function legend(chart: StudyChart): string {
  const signs = seriesOf(chart).map((name, series) => {
    const colour = colourOf(series);
    const sign =
      chart.kind === "bars"
        ? `\\tikz\\fill[${colour}!80] (0,0) rectangle (0.3,0.22);`
        : `\\tikz\\draw plot[${style("points", series, "ours").replace("only marks,", "")}] coordinates {(0,0)};`;
    return `${sign}~${escapeLatex(name)}`;
  });
  return [...signs, escapeLatex(legendNotes(chart).join("; "))]
    .filter((part) => part !== "")
    .join("\\qquad ");
}

/**
 * A chart as a TikZ picture of its own (it needs `PGFPLOTS_PREAMBLE`), drawn by LaTeX from the numbers: bars with panels one
 * below the other, points with panels side by side. Its colours are defined with it. "" for a chart without marks.
 */
export function chartPgfplots(chart: StudyChart): string {
  const { kind } = chart;
  const panels = (kind === "bars" ? apart(chart.panels) : aligned(chart.panels)).filter(({ groups }) =>
    groups.some(({ marks }) => marks.length > 0),
  );
  if (panels.length === 0) return "";
  const widthCm =
    kind === "bars" ? BARS_WIDTH_CM : (POINTS_WIDTH_CM - POINTS_GAP_CM * (panels.length - 1)) / panels.length;
  const size =
    kind === "bars"
      ? `1 by ${panels.length},vertical sep=1.9cm`
      : `${panels.length} by 1,horizontal sep=${POINTS_GAP_CM}cm`;
  const shown = seriesOf(chart).map((_, series) => series % LIGHT.series.length);
  return [
    ...[...new Set(shown)].map(
      (series) =>
        `\\definecolor{${colourOf(series)}}{HTML}{${(LIGHT.series[series] ?? LIGHT.ink).slice(1).toUpperCase()}}`,
    ),
    "\\begin{tikzpicture}",
    `\\begin{groupplot}[group style={group size=${size}},scale only axis,clip mode=individual,y dir=reverse,`,
    "  axis lines*=left,axis line style={black!30},xmajorgrids,grid style={black!15},tickwidth=0pt,axis on top=false,",
    "  title style={font=\\small\\bfseries},label style={font=\\footnotesize},tick label style={font=\\footnotesize},",
    "  scaled ticks=false]",
    ...panels.flatMap((panel, place) => panelLatex(chart, panel, widthCm, kind === "bars" || place === 0)),
    "\\end{groupplot}",
    `\\node[anchor=south west,font=\\footnotesize,inner sep=0pt] at ([yshift=0.9cm]group c1r1.north west) {${legend(chart)}};`,
    "\\end{tikzpicture}",
  ].join("\n");
}
