import type { StudyChart, StudyMark, StudyPanel } from "@/contracts/studyReport";
import type { MeanInterval } from "@/contracts/training";
import { meanInterval } from "../interval";
import { PAPER_RESULTS, PAPER_WIDTH } from "../paperResults";
import { asFloat32, paperResult, type StudyContext } from "./context";
import { METRICS, type Metric, metricOf } from "./metrics";
import { NETWORK_TITLES, networkTitle, setupTitle } from "./names";
import type { RunCell } from "./runCells";
import { isShared, secondsInterval } from "./seconds";
import { singleCells } from "./tables/quality";

function mark(
  series: string,
  source: StudyMark["source"],
  { mean, ci95 }: { readonly mean: number; readonly ci95: number | null },
): StudyMark {
  const known = ci95 !== null && Number.isFinite(ci95);
  return { series, source, value: mean, low: known ? mean - ci95 : null, high: known ? mean + ci95 : null };
}

/** Groups in the order in which their labels first come. */
function grouped(
  marks: readonly { readonly label: string; readonly mark: StudyMark }[],
): StudyPanel["groups"] {
  const groups = new Map<string, StudyMark[]>();
  for (const { label, mark } of marks) groups.set(label, [...(groups.get(label) ?? []), mark]);
  return [...groups].map(([label, marks]) => ({ label, marks }));
}

const imagesSuffix = ({ letters }: StudyContext, { data }: RunCell): string =>
  letters ? `, images ${letters.get(data)}` : "";

/** A network's name in a legend; with its width where that varies. */
function seriesNames(cells: readonly RunCell[]): (cell: RunCell) => string {
  const widths = new Set(cells.map(({ model }) => model.width));
  return ({ model }) =>
    widths.size > 1 ? `${networkTitle(model)} width ${model.width}` : networkTitle(model);
}

/** Figure 4: seconds of training and validation, ours and the study's each on an axis of its own. */
export function timeChart(context: StudyContext): StudyChart | null {
  const { cells, noiseOf } = context;
  if (cells.length === 0) return null;
  const seriesOf = seriesNames(cells);
  const severalNoises = new Set(cells.map(({ noise }) => noiseOf(noise))).size > 1;
  const ours = cells.map((cell) => ({
    label: `${setupTitle(cell.engine)}${isShared(cell) ? " (shared device)" : ""}${severalNoises ? `, ${noiseOf(cell.noise)}` : ""}${imagesSuffix(context, cell)}`,
    mark: mark(seriesOf(cell), "ours", secondsInterval(cell)),
  }));
  const stds = new Set(cells.map(({ noise }) => noise.std));
  const paper = PAPER_RESULTS.filter(({ noiseStd }) => stds.has(noiseStd));
  const paperNoises = new Set(paper.map(({ noiseStd }) => noiseStd)).size > 1;
  const theirs = paper.map(({ setup, noiseStd, model, seconds }) => ({
    label: `${setup}${paperNoises ? `, σ ${noiseStd}` : ""}`,
    mark: mark(NETWORK_TITLES[model], "paper", { mean: seconds, ci95: null }),
  }));
  const shared = cells.some(isShared);
  return {
    kind: "bars",
    id: "figure-4",
    title: "Figure 4",
    caption: `Time of training and validation. Our intervals are of 95 %, from the times of the epochs (none of a run of one epoch); the study, with 50 epochs on RTX A4500s, gives none. The axes differ.${shared ? " Where replicas shared a device, no speed-up is claimed." : ""}`,
    panels: [
      { title: "These runs", axis: "Time (s)", groups: grouped(ours) },
      ...(theirs.length > 0 ? [{ title: "The study", axis: "Time (s)", groups: grouped(theirs) }] : []),
    ],
  };
}

/** The mean over seeds with the interval between them, or a run's own. */
function quality({ runs }: RunCell, metric: Metric): MeanInterval | null {
  const values = runs.flatMap(({ result }) => metricOf(result.test.denoised, metric.id) ?? []);
  const [first] = values;
  if (!first) return null;
  return values.length > 1 ? meanInterval(values.map(({ mean }) => mean)) : first;
}

/** Table III as a chart: a panel a metric, ours and the study's beside each other at each noise. */
export function qualityChart(context: StudyContext): StudyChart | null {
  const { noiseOf } = context;
  const cells = singleCells(context.cells);
  if (cells.length === 0) return null;
  const seriesOf = seriesNames(cells);
  const panels = METRICS.filter(({ id }) => id === "psnrDb" || id === "ssim" || id === "lpips").flatMap(
    (metric) => {
      const ours = cells.flatMap((cell) => {
        const value = quality(cell, metric);
        const label = `${noiseOf(cell.noise)}${imagesSuffix(context, cell)}`;
        const beside = paperResult(asFloat32(cell));
        const theirs = beside?.[metric.id as "psnrDb" | "ssim" | "lpips"];
        return [
          ...(value ? [{ label, mark: mark(seriesOf(cell), "ours", value) }] : []),
          ...(value && theirs ? [{ label, mark: mark(seriesOf(cell), "paper", theirs) }] : []),
        ];
      });
      const axis = metric.unit ? `${metric.title} (${metric.unit})` : metric.title;
      return ours.length > 0 ? [{ title: metric.title, axis, groups: grouped(ours) }] : [];
    },
  );
  return {
    kind: "points",
    id: "figure-quality",
    title: "Quality by noise",
    caption: `Means over the test images with their 95 % intervals, one device; hollow: the study (width ${PAPER_WIDTH}, NIH ChestX-ray14). PSNR and SSIM: higher is better; LPIPS: lower. The axes need not begin at 0.`,
    panels,
  };
}
