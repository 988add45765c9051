import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { align, chartOptions, type Trace } from "./chartOptions";
import classes from "./LineChart.module.css";

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
    let observer: ResizeObserver | null = null;
    // In a task of its own: a screen with several charts opens without one long task.
    const timer = setTimeout(() => {
      const { traces: first } = latest.current;
      const options = chartOptions({
        traces: first,
        xLabel,
        log,
        width: target.clientWidth || 320,
        height,
        band,
        format: (value) => latest.current.format(value),
        onValues: writeLegend,
        onZoom: () => {
          zoomed.current = true;
        },
      });
      const chart = new uPlot(options, align(first, log), target);
      plot.current = chart;
      zoomed.current = false;
      chart.over.addEventListener("dblclick", () => {
        zoomed.current = false;
      });
      writeLegend(chart);
      observer = new ResizeObserver(() => {
        const width = target.clientWidth;
        if (width > 0 && width !== chart.width) chart.setSize({ width, height });
      });
      observer.observe(target);
    }, 0);
    return () => {
      clearTimeout(timer);
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [structure, scheme]);

  useEffect(() => {
    // Drawn with the next frame, and not at all while the tab is hidden.
    const frame = requestAnimationFrame(() => {
      // A zoomed chart keeps its window while the run goes on.
      plot.current?.setData(align(traces, log), !zoomed.current);
      if (zoomed.current) plot.current?.redraw();
    });
    return () => cancelAnimationFrame(frame);
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
