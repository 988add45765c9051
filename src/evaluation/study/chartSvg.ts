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
import { at, escapeXml, LIGHT, type Palette, svgDocument, svgText } from "./svg";

const WIDTH = 960;
const PADDING = 20;
const LEGEND = 34;
const PANEL_TITLE = 26;
const AXIS_HEIGHT = 46;
/** Height of a mark's row, and room between groups. */
const ROW = 22;
const GROUP_GAP = 14;
const PANEL_GAP = 44;
/** Width of a character of the labels, about: what decides how wide their column is. */
const CHARACTER = 6.9;
/** Room right of a bar for its number. */
const NUMBER_ROOM = 118;

/** Where a value lies between the ends of an axis, in pixels; what is outside ends at its edge. */
export function positionOn({ from, to }: Axis, left: number, width: number, value: number): number {
  return left + width * Math.min(1, Math.max(0, (value - from) / (to - from)));
}

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly labels: number;
}

/** Different shapes as well as colours: circle, square, diamond, triangle. */
function pointShape(series: number, x: number, y: number, r: number): string {
  switch (series % 4) {
    case 0:
      return `<circle cx="${at(x)}" cy="${at(y)}" r="${at(r)}"`;
    case 1:
      return `<rect x="${at(x - r * 0.9)}" y="${at(y - r * 0.9)}" width="${at(r * 1.8)}" height="${at(r * 1.8)}"`;
    case 2:
      return `<path d="M${at(x)} ${at(y - r * 1.25)}l${at(r * 1.25)} ${at(r * 1.25)}l${at(-r * 1.25)} ${at(r * 1.25)}l${at(-r * 1.25)} ${at(-r * 1.25)}z"`;
    default:
      return `<path d="M${at(x)} ${at(y - r * 1.15)}l${at(r * 1.15)} ${at(r * 2.1)}h${at(-r * 2.3)}z"`;
  }
}

function errorBar(
  axis: Axis,
  plot: { left: number; width: number },
  y: number,
  mark: StudyMark,
  ink: string,
): string {
  const { low, high } = mark;
  if (low === null || high === null) return "";
  const [a, b] = [low, high].map((end) => positionOn(axis, plot.left, plot.width, end)) as [number, number];
  // A cap only where the interval ends inside the axis.
  const cap = (x: number, end: number): string =>
    end >= axis.from && end <= axis.to ? `M${at(x)} ${at(y - 4.5)}V${at(y + 4.5)}` : "";
  return `<path class="interval" d="M${at(a)} ${at(y)}H${at(b)}${cap(a, low)}${cap(b, high)}" stroke="${ink}" stroke-width="1.6" fill="none"/>`;
}

function panelHeight({ groups }: PanelRows): number {
  const rows = groups.reduce((sum, group) => sum + group.rows * ROW + GROUP_GAP, 0);
  return PANEL_TITLE + rows + AXIS_HEIGHT;
}

function panelSvg(chart: StudyChart, panel: PanelRows, frame: Frame, colours: Palette): string {
  const bars = chart.kind === "bars";
  const { axis, valueDigits } = panelAxis(chart, panel);
  const plot = {
    left: frame.left + frame.labels,
    width: frame.width - frame.labels - (bars ? NUMBER_ROOM : 12),
  };
  const names = seriesOf(chart);
  const parts: string[] = [];
  const top = frame.top + PANEL_TITLE;
  const bottom = frame.top + panelHeight(panel) - AXIS_HEIGHT;
  parts.push(svgText(plot.left, frame.top + 14, panel.title, { fill: colours.ink, weight: 650, size: 14 }));
  for (const tick of axis.ticks) {
    const x = positionOn(axis, plot.left, plot.width, tick);
    parts.push(`<path d="M${at(x)} ${at(top)}V${at(bottom)}" stroke="${colours.line}" stroke-width="1"/>`);
    parts.push(
      svgText(x, bottom + 17, ticksText(tick, axis.digits), {
        fill: colours.dimmed,
        anchor: "middle",
        size: 12,
      }),
    );
  }
  parts.push(
    svgText(plot.left + plot.width / 2, bottom + 35, panel.axis, {
      fill: colours.dimmed,
      anchor: "middle",
      size: 12,
    }),
  );
  let y = top + GROUP_GAP / 2;
  for (const { label, marks: inGroup, rows } of panel.groups) {
    const middle = y + (rows * ROW) / 2;
    if (frame.labels > 0)
      parts.push(svgText(plot.left - 12, middle + 4.5, label, { fill: colours.ink, anchor: "end" }));
    for (const mark of inGroup) {
      parts.push(markSvg(mark, label, y + ROW / 2));
      y += ROW;
    }
    y += (rows - inGroup.length) * ROW + GROUP_GAP;
  }
  return `<g>${parts.join("")}</g>`;

  function markSvg(mark: StudyMark, label: string, y: number): string {
    const place = names.indexOf(mark.series);
    const colour = colours.series[place % colours.series.length] ?? colours.ink;
    const hollow = mark.source === "paper";
    const x = positionOn(axis, plot.left, plot.width, mark.value);
    const text = markText(mark, valueDigits);
    const title = `<title>${escapeXml(`${mark.series}, ${label}${hollow ? ", the study" : ""}: ${text}`)}</title>`;
    if (!bars) {
      const shape = `${pointShape(place, x, y, 5)} fill="${hollow ? colours.background : colour}" stroke="${colour}" stroke-width="2"/>`;
      return `<g>${title}${errorBar(axis, plot, y, mark, colour)}${shape}</g>`;
    }
    const fill = `fill="${colour}" fill-opacity="${hollow ? 0.18 : 0.8}"${hollow ? ` stroke="${colour}" stroke-width="1.3"` : ""}`;
    const bar = `<rect class="bar" x="${at(plot.left)}" y="${at(y - ROW / 2 + 3)}" width="${at(x - plot.left)}" height="${ROW - 6}" rx="2" ${fill}/>`;
    const end = mark.high === null ? x : Math.max(x, positionOn(axis, plot.left, plot.width, mark.high));
    const number = svgText(end + 8, y + 4.5, text, { fill: colours.ink, size: 12 });
    return `<g>${title}${bar}${errorBar(axis, plot, y, mark, colours.ink)}${number}</g>`;
  }
}

function legend(chart: StudyChart, colours: Palette): string {
  let x = PADDING;
  const entries = seriesOf(chart).map((name, place) => {
    const colour = colours.series[place % colours.series.length] ?? colours.ink;
    const symbol =
      chart.kind === "bars"
        ? `<rect x="${at(x)}" y="${PADDING - 2}" width="12" height="12" rx="2" fill="${colour}" fill-opacity="0.8"/>`
        : `${pointShape(place, x + 6, PADDING + 4, 5)} fill="${colour}" stroke="${colour}"/>`;
    const entry = symbol + svgText(x + 19, PADDING + 8.5, name, { fill: colours.ink });
    x += 19 + name.length * CHARACTER + 24;
    return entry;
  });
  return (
    entries.join("") + svgText(x, PADDING + 8.5, legendNotes(chart).join("; "), { fill: colours.dimmed })
  );
}

/** A sentence a mark, for those who do not see the chart. */
function description({ panels, caption }: StudyChart): string {
  const sentences = panels.flatMap(({ title, axis, groups }) =>
    groups.flatMap(({ label, marks }) =>
      marks.map(
        (mark) =>
          `${title}, ${label}, ${mark.series}${mark.source === "paper" ? " (the study)" : ""}: ${axis} ${markText(mark, mark.value < 1 ? 4 : mark.value < 1000 ? 2 : 0)}.`,
      ),
    ),
  );
  return [caption, ...sentences].join(" ");
}

/** A chart as one SVG: bars with panels one below the other, points with panels side by side. No outside references. */
export function chartSvg(chart: StudyChart, colours: Palette = LIGHT): string {
  const labelled = chart.panels.flatMap(({ groups }) => groups.map(({ label }) => label));
  const labels = Math.min(330, Math.max(60, ...labelled.map(({ length }) => length * CHARACTER + 18)));
  const top = PADDING + LEGEND;
  const inner = WIDTH - 2 * PADDING;
  const body: string[] = [legend(chart, colours)];
  let height = top;
  if (chart.kind === "bars")
    for (const panel of apart(chart.panels)) {
      body.push(panelSvg(chart, panel, { left: PADDING, top: height, width: inner, labels }, colours));
      height += panelHeight(panel) + PANEL_GAP;
    }
  else {
    const panels = aligned(chart.panels);
    const width = (inner - labels - PANEL_GAP * (panels.length - 1)) / Math.max(1, panels.length);
    for (const [place, panel] of panels.entries()) {
      const frame =
        place === 0
          ? { left: PADDING, top, width: width + labels, labels }
          : { left: PADDING + labels + place * (width + PANEL_GAP), top, width, labels: 0 };
      body.push(panelSvg(chart, panel, frame, colours));
      height = Math.max(height, top + panelHeight(panel) + PANEL_GAP);
    }
  }
  return svgDocument({
    id: chart.id,
    width: WIDTH,
    height: height - PANEL_GAP + 4,
    title: `${chart.title}: ${chart.panels.map(({ title, axis }) => `${title}, ${axis}`).join("; ")}`,
    description: description(chart),
    background: colours.background,
    body: body.join(""),
  });
}
