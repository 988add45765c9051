import uPlot from "uplot";

export interface Trace {
  readonly label: string;
  /** A custom property of the theme, e.g. `--lab-series-1`. */
  readonly colour: string;
  /** Ascending. */
  readonly x: readonly number[];
  /** As long as `x`; null leaves a gap. */
  readonly y: readonly (number | null)[];
  /** `faint`: thin and pale, not in the legend; `points`: a line with a mark at every value; `marks`: large marks alone. */
  readonly style: "line" | "faint" | "points" | "marks";
}

const colourOf = (property: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(property).trim();

/** Distances between x ticks: steps and epochs are whole numbers. */
const WHOLE_INCREMENTS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].flatMap((unit) => [unit, 2 * unit, 5 * unit]);

/** A tick without the zeros that only a column of figures needs. */
const tick = (text: string): string => (/\.\d+$/.test(text) ? text.replace(/\.?0+$/, "") : text);

/** The traces over one common x, as uPlot wants them; on a log scale only positive values can be drawn. */
export function align(traces: readonly Trace[], log: boolean): uPlot.AlignedData {
  const tables = traces.map(({ x, y }): uPlot.AlignedData => {
    const values = log ? y.map((value) => (value !== null && value > 0 ? value : null)) : [...y];
    return [[...x], values];
  });
  return tables.length === 0 ? [[]] : uPlot.join(tables);
}

/** Marks that touch each other make a thick line. */
const MOST_MARKS = 60;
function fewPoints(chart: uPlot, series: number): boolean {
  const values: ArrayLike<number | null | undefined> = chart.data[series] ?? [];
  let marks = 0;
  for (let i = 0; i < values.length; i++) if (values[i] !== null && values[i] !== undefined) marks++;
  return marks <= MOST_MARKS;
}

function seriesOf(trace: Trace): uPlot.Series {
  const stroke = colourOf(trace.colour);
  switch (trace.style) {
    case "line":
      return { label: trace.label, stroke, width: 2, points: { show: false } };
    case "points":
      return { label: trace.label, stroke, width: 2, points: { show: fewPoints, size: 5, fill: stroke } };
    case "marks":
      return {
        label: trace.label,
        stroke,
        width: 2,
        paths: () => null,
        points: { show: true, size: 11, fill: stroke },
      };
    case "faint":
      return { label: trace.label, stroke: `${stroke}66`, width: 1, points: { show: false } };
    default:
      return trace.style satisfies never;
  }
}

export interface ChartMakeUp {
  readonly traces: readonly Trace[];
  readonly xLabel: string;
  readonly log: boolean;
  readonly width: number;
  readonly height: number;
  readonly band: { readonly high: number; readonly low: number } | undefined;
  readonly format: (value: number) => string;
  /** The pointer has moved or the data has changed. */
  readonly onValues: (chart: uPlot) => void;
  readonly onZoom: () => void;
}

/** What uPlot needs to know. Reads the theme's colours from the page. */
export function chartOptions(makeUp: ChartMakeUp): uPlot.Options {
  const { traces, xLabel, log, width, height, band, format, onValues, onZoom } = makeUp;
  const grid = { stroke: colourOf("--lab-grid"), width: 1 };
  const font = "12px system-ui, sans-serif";
  const axis = {
    stroke: colourOf("--mantine-color-dimmed"),
    grid,
    ticks: { show: false },
    font,
    labelFont: font,
  };
  const fill = (index: number): string => `${colourOf(traces[index]?.colour ?? "--lab-accent")}26`;
  return {
    width,
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
        values: (_, splits) => splits.map((value) => (value === null ? "" : tick(format(value)))),
      },
    ],
    series: [{ label: xLabel }, ...traces.map(seriesOf)],
    bands: band ? [{ series: [band.high + 1, band.low + 1], fill: fill(band.high) }] : [],
    hooks: {
      setCursor: [onValues],
      setData: [onValues],
      setSelect: [
        ({ select }) => {
          if (select.width > 0) onZoom();
        },
      ],
    },
  };
}
