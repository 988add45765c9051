import { NO_LPIPS_WEIGHTS } from "@/contracts/lpips";
import type { StudyCell, StudyColumn } from "@/contracts/studyReport";
import type { MeanInterval, MethodMetrics } from "@/contracts/training";
import { meanInterval } from "../interval";
import { absent, type Footnotes, isInterval, mean, PSNR_DIGITS, SIMILARITY_DIGITS, withMarks } from "./cells";
import { listed } from "./names";
import type { RunCell, TestedRun } from "./runCells";

export interface Metric {
  /** Field of a test's metrics. */
  readonly id: string;
  readonly title: string;
  readonly unit: string | null;
  readonly digits: number;
  /** Shown even where no run has it, with the reason. */
  readonly always: boolean;
}

/** What tests measure, in the order of columns. Runs of earlier versions lack some. */
export const METRICS: readonly Metric[] = [
  { id: "psnrDb", title: "PSNR", unit: "dB", digits: PSNR_DIGITS, always: true },
  { id: "ssim", title: "SSIM", unit: null, digits: SIMILARITY_DIGITS, always: true },
  { id: "lpips", title: "LPIPS", unit: null, digits: SIMILARITY_DIGITS, always: true },
  { id: "ssimGaussian", title: "SSIM, Gaussian", unit: null, digits: SIMILARITY_DIGITS, always: false },
  { id: "msSsim", title: "MS-SSIM", unit: null, digits: SIMILARITY_DIGITS, always: false },
  { id: "mae", title: "MAE", unit: null, digits: 5, always: false },
];

export function metricOf(metrics: object, id: string): MeanInterval | null {
  const value = (metrics as Readonly<Record<string, unknown>>)[id];
  return isInterval(value) ? value : null;
}

/** Those that any of these has, and those that are always shown. */
export function shownMetrics(all: readonly object[]): readonly Metric[] {
  return METRICS.filter(({ id, always }) => always || all.some((metrics) => metricOf(metrics, id) !== null));
}

export const metricColumn = ({ id, title, unit }: Metric, source: StudyColumn["source"]): StudyColumn => ({
  id: `${source}.${id}`,
  title,
  unit,
  source,
});

/** Where a metric of a run, or of a method on its test images, would stand: why it is not there, and how to get it. */
export function absentMetric({ result }: TestedRun, { id }: Metric, footnotes: Footnotes): StudyCell {
  const { lpips } = result.test;
  if (id !== "lpips" || !lpips || lpips.ok || lpips.failure.code !== NO_LPIPS_WEIGHTS.code)
    return absent("not measured");
  const { message, remedy } = NO_LPIPS_WEIGHTS;
  return withMarks(absent("no weights"), [footnotes.mark(`${message} ${remedy}`)]);
}

/**
 * A metric of a place in the tables: the mean over test images with its interval, or over seeds (each with its own test
 * images) the mean of their means with the interval between them.
 */
export function metricCell(
  { runs }: RunCell,
  metric: Metric,
  footnotes: Footnotes,
  pick: (test: TestedRun["result"]["test"]) => MethodMetrics = ({ denoised }) => denoised,
): StudyCell {
  const values = runs.map(({ result }) => metricOf(pick(result.test), metric.id));
  const known = values.filter((value) => value !== null);
  const [first] = known;
  if (!first) return absentMetric(runs[0], metric, footnotes);
  if (known.length < 2) return mean(first, metric.digits);
  return withMarks(mean(meanInterval(known.map((value) => value.mean)), metric.digits), [
    footnotes.mark(seedsSentence(runs)),
  ]);
}

/** How several seeds make one number, and how far they lie apart. */
export function seedsSentence(runs: RunCell["runs"]): string {
  const seeds = runs.map(({ result }) => String(result.config.seed));
  const means = runs.map(({ result }) => result.test.denoised.psnrDb.mean);
  const center = means.reduce((sum, value) => sum + value, 0) / means.length;
  const deviation = Math.sqrt(
    means.reduce((sum, value) => sum + (value - center) ** 2, 0) / (means.length - 1),
  );
  const apart = `PSNR ${listed(means.map((value) => value.toFixed(PSNR_DIGITS)))} dB, standard deviation ${deviation.toFixed(PSNR_DIGITS)} dB`;
  return `Mean over ${runs.length} runs with seeds ${listed(seeds)} (${apart}), which have their own weights, noise and test images; ± is the 95 % interval between seeds (Student's t), not between images.`;
}
