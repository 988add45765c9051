import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import classes from "./LineChart.module.css";

export interface Trace {
  readonly label: string;
  /** A custom property of the theme, e.g. `--lab-series-1`. */
  readonly colour: string;
  /** Ascending. */
  readonly x: readonly number[];
  /** As long as `x`; null leaves a gap. */
  readonly y: readonly (number | null)[];
  /** `faint`: thin and pale, not in the legend; `points`: a line with a mark at every value. */
  readonly style: "line" | "faint" | "points";
}

export interface LineChartProps {
  /** What is drawn, for people who do not see it; the last values are added. */
  readonly label: string;
  readonly traces: readonly Trace[];
  readonly xLabel: string;
  readonly format: (value: number) => string;
  readonly log?: boolean;
  readonly height?: number;
  /** Fill between these two traces (indices). */
  readonly band?: { readonly high: number; readonly low: number };
}

const colourOf = (property: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(property).trim();

/** Distances between x ticks: steps and epochs are whole numbers. */
const WHOLE_INCREMENTS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].flatMap((unit) => [unit, 2 * unit, 5 * unit]);

/** A tick without the zeros that only a column of figures needs. */
const tick = (text: string): string => (/\.\d+$/.test(text) ? text.replace(/\.?0+$/, "") : text);

/** The traces over one common x, as uPlot wants them; on a log scale only positive values can be drawn. */
function align(traces: readonly Trace[], log: boolean): uPlot.AlignedData {
  const tables = traces.map(({ x, y }): uPlot.AlignedData => {
    const values = log ? y.map((value) => (value !== null && value > 0 ? value : null)) : [...y];
    return [[...x], values];
  });
  return tables.length === 0 ? [[]] : uPlot.join(tables);
}

function seriesOf(trace: Trace): uPlot.Series {
  const stroke = colourOf(trace.colour);
  switch (trace.style) {
    case "line":
      return { label: trace.label, stroke, width: 2, points: { show: false } };
    case "points":
      return { label: trace.label, stroke, width: 2, points: { show: true, size: 5, fill: stroke } };
    case "faint":
      return { label: trace.label, stroke: `${stroke}66`, width: 1, points: { show: false } };
    default:
      return trace.style satisfies never;
  }
}

/** The last value at or before an index: a trace without a point under the pointer shows the one before it. */
function lastOf(values: ArrayLike<number | null | undefined>, from = values.length - 1): number | null {
  for (let i = from; i >= 0; i--) {
    const value = values[i];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

/**
 * Lines over a common x axis on one canvas (uPlot): new data costs one redraw of what is visible, no React tree. The
 * legend shows the values under the pointer, the last ones otherwise, written to the page directly.
 */
export function LineChart({
  label,
  traces,
  xLabel,
  format,
  log = false,
  height = 220,
  band,
}: LineChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const legend = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  /** Dragging over the chart zooms in; a double click shows everything again. */
  const zoomed = useRef(false);
  const scheme = useComputedColorScheme("light");
  // The chart is built anew when its make-up changes; new numbers only redraw it.
  const structure = JSON.stringify([
    traces.map((t) => [t.label, t.colour, t.style]),
    log,
    height,
    xLabel,
    band,
  ]);
  const latest = useRef({ traces, format });
  latest.current = { traces, format };

  // biome-ignore lint/correctness/useExhaustiveDependencies: `structure` stands for the props that shape the chart, `scheme` for the colours read from the page
  useEffect(() => {
    const target = host.current;
    if (!target) return;
    const writeLegend = (chart: uPlot): void => {
      const index = chart.cursor.idx ?? null;
      for (const cell of legend.current?.querySelectorAll<HTMLElement>("[data-trace]") ?? []) {
        const values = chart.data[Number(cell.dataset["trace"]) + 1];
        const value = values ? lastOf(values, index ?? values.length - 1) : null;
        cell.textContent = value === null ? "–" : latest.current.format(value);
      }
    };
    const ink = colourOf("--mantine-color-dimmed");
    const grid = { stroke: colourOf("--lab-grid"), width: 1 };
    const font = "12px system-ui, sans-serif";
    const axis = { stroke: ink, grid, ticks: { show: false }, font, labelFont: font };
    const chart = new uPlot(
      {
        width: target.clientWidth || 320,
        height,
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
        scales: { x: { time: false }, y: log ? { distr: 3 } : { auto: true } },
        axes: [
          { ...axis, label: xLabel, labelSize: 16, labelGap: 0, size: 24, gap: 3, incrs: WHOLE_INCREMENTS },
          {
            ...axis,
            size: 58,
            gap: 6,
            values: (_, splits) =>
              splits.map((value) => (value === null ? "" : tick(latest.current.format(value)))),
          },
        ],
        series: [{ label: xLabel }, ...latest.current.traces.map(seriesOf)],
        bands: band
          ? [
              {
                series: [band.high + 1, band.low + 1],
                fill: `${colourOf(latest.current.traces[band.high]?.colour ?? "--lab-accent")}26`,
              },
            ]
          : [],
        hooks: {
          setCursor: [writeLegend],
          setData: [writeLegend],
          setSelect: [
            ({ select }) => {
              if (select.width > 0) zoomed.current = true;
            },
          ],
        },
      },
      align(latest.current.traces, log),
      target,
    );
    plot.current = chart;
    zoomed.current = false;
    chart.over.addEventListener("dblclick", () => {
      zoomed.current = false;
    });
    writeLegend(chart);
    const observer = new ResizeObserver(() => {
      const width = target.clientWidth;
      if (width > 0 && width !== chart.width) chart.setSize({ width, height });
    });
    observer.observe(target);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [structure, scheme]);

  useEffect(() => {
    // A zoomed chart keeps its window while the run goes on.
    plot.current?.setData(align(traces, log), !zoomed.current);
    if (zoomed.current) plot.current?.redraw();
  }, [traces, log]);

  const named = traces
    .map((trace, index) => ({ ...trace, index }))
    .filter((trace) => trace.style !== "faint");
  const spoken = named.map((trace) => {
    const value = lastOf(trace.y);
    return `${trace.label} ${value === null ? "not known yet" : format(value)}`;
  });
  return (
    <div>
      <div className={classes["legend"]} ref={legend} aria-hidden="true">
        {named.map((trace) => (
          <span key={trace.label} className={classes["entry"]}>
            <span className={classes["swatch"]} style={{ background: `var(${trace.colour})` }} />
            {trace.label}
            <span className={classes["value"]} data-trace={trace.index}>
              –
            </span>
          </span>
        ))}
      </div>
      <div className={classes["frame"]} style={{ height }}>
        <div
          ref={host}
          className={classes["plot"]}
          role="img"
          aria-label={`${label}. Last values: ${spoken.join(", ")}.`}
        />
        {traces.every((trace) => trace.x.length === 0) && (
          <div className={classes["waiting"]}>The curve begins here with the first values.</div>
        )}
      </div>
    </div>
  );
}
