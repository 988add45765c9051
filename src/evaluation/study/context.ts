import type { StudyCell, StudyColumn } from "@/contracts/studyReport";
import { PAPER_RESULTS, type PaperResult } from "../paperResults";
import { absent, type Footnotes, mean, number, words } from "./cells";
import { METRICS, metricColumn } from "./metrics";
import { NETWORK_TITLES, networkTitle, noiseTitle } from "./names";
import { dataLetters, type RunCell } from "./runCells";

/** What every table is made from. */
export interface StudyContext {
  readonly cells: readonly RunCell[];
  /** By `RunCell.data`; null where all runs were made on the same images. */
  readonly letters: ReadonlyMap<string, string> | null;
  /** "σ 0.1"; with the mean where runs differ in it. */
  readonly noiseOf: (noise: RunCell["noise"]) => string;
}

export function contextOf(cells: readonly RunCell[]): StudyContext {
  const means = new Set(cells.map(({ noise }) => noise.mean));
  return {
    cells,
    letters: dataLetters(cells),
    noiseOf: (noise) => (means.size > 1 ? noiseTitle(noise) : `σ ${noise.std}`),
  };
}

/** The study's name of a setup and precision; null for those it did not run. */
export function paperSetup({ engine }: Pick<RunCell, "engine">): PaperResult["setup"] | null {
  switch (`${engine.setup} ${engine.precision}`) {
    case "single f32":
      return "1 GPU";
    case "dp:2 f32":
      return "2 GPUs, DP";
    case "ddp:2 mixed":
      return "2 GPUs, DDP + mixed precision";
    default:
      return null;
  }
}

const SAME_NOISE = 1e-9;

/** What the study has for this network, noise and setup. */
export function paperResult(cell: Pick<RunCell, "model" | "noise" | "engine">): PaperResult | null {
  const setup = paperSetup(cell);
  return (
    PAPER_RESULTS.find(
      (result) =>
        result.model === cell.model.name &&
        result.setup === setup &&
        Math.abs(result.noiseStd - cell.noise.std) < SAME_NOISE,
    ) ?? null
  );
}

/** A cell as if it had run in float32: the study has one device in no other precision, so that is what stands beside. */
export function asFloat32(cell: RunCell): RunCell {
  return { ...cell, engine: { ...cell.engine, precision: "f32" } };
}

/** The study's results at noise levels of these cells that none of the cells stands beside. */
export function paperOnly(
  cells: readonly RunCell[],
  setups: readonly PaperResult["setup"][],
): readonly PaperResult[] {
  const used = new Set(cells.map(paperResult));
  return PAPER_RESULTS.filter(
    (result) =>
      !used.has(result) &&
      setups.includes(result.setup) &&
      cells.some(({ noise }) => Math.abs(noise.std - result.noiseStd) < SAME_NOISE),
  );
}

/** Which row: network and noise, the width of the network and, where runs differ in them, the images. */
export const rowColumns = ({ letters }: StudyContext): StudyColumn[] => [
  { id: "row", title: "Network, noise", unit: null, source: "condition" },
  { id: "width", title: "Width", unit: null, source: "condition" },
  ...(letters ? [{ id: "images", title: "Images", unit: null, source: "condition" } as const] : []),
];

export const rowCells = (
  { letters, noiseOf }: StudyContext,
  { model, noise, data }: Pick<RunCell, "model" | "noise" | "data">,
): StudyCell[] => [
  words(`${networkTitle(model)}, ${noiseOf(noise)}`),
  number(model.width, 0),
  ...(letters ? [words(letters.get(data) ?? "–")] : []),
];

/** The same of a row that only the study has. */
export const paperRowCells = ({ letters }: StudyContext, { model, noiseStd }: PaperResult): StudyCell[] => [
  words(`${NETWORK_TITLES[model]}, σ ${noiseStd}`),
  absent("–"),
  ...(letters ? [absent("–")] : []),
];

const PAPER_METRICS = METRICS.filter(({ id }) => id === "psnrDb" || id === "ssim" || id === "lpips");

export const paperMetricColumns: readonly StudyColumn[] = PAPER_METRICS.map((metric) =>
  metricColumn(metric, "paper"),
);

export function paperMetricCells(result: PaperResult | null, why = "not in the study"): StudyCell[] {
  return PAPER_METRICS.map((metric, at) => {
    if (result) return mean(result[metric.id as "psnrDb" | "ssim" | "lpips"], metric.digits);
    return absent(at === 0 ? why : "–");
  });
}

/** Marks of what is particular to the runs of a cell. */
export function particularMarks({ runs, noise }: RunCell, footnotes: Footnotes): number[] {
  const marks: number[] = [];
  if (runs.some(({ result }) => !result.complete)) {
    const { result } = runs[0];
    marks.push(
      footnotes.mark(
        `Ended early, after ${result.epochs.length} of ${result.config.training.epochs} epochs.`,
      ),
    );
  }
  if (noise.mean === 0)
    marks.push(
      footnotes.mark(
        "Noise of mean 0; the study's has mean 0.1, a change of brightness that its networks undo too.",
      ),
    );
  return marks;
}
