import type { StudyTable } from "@/contracts/studyReport";
import { absent, count, Footnotes, mean, number, SECONDS_DIGITS, withMarks, words } from "../cells";
import {
  paperMetricCells,
  paperMetricColumns,
  paperOnly,
  paperResult,
  paperRowCells,
  particularMarks,
  rowCells,
  rowColumns,
  type StudyContext,
} from "../context";
import { metricCell, metricColumn, seedsSentence, shownMetrics } from "../metrics";
import { setupTitle } from "../names";
import { isShared, secondsInterval } from "../seconds";

export const SHARED_SENTENCE =
  "Replicas shared a device: their seconds say nothing of several devices, and no time saved is claimed.";
const PAPER_SETUPS = ["1 GPU", "2 GPUs, DP", "2 GPUs, DDP + mixed precision"] as const;

/** Table IV: every network, noise, setup and precision. */
export function setupsTable(context: StudyContext): StudyTable {
  const { cells } = context;
  const footnotes = new Footnotes();
  const metrics = shownMetrics(
    cells.flatMap(({ runs }) => runs.map(({ result }) => result.test.denoised)),
  ).filter(({ always }) => always);
  const rows = cells.map((cell) => {
    const [row, ...rest] = rowCells(context, cell);
    const { result } = cell.runs[0];
    const paper = paperResult(cell);
    const setup = words(setupTitle(cell.engine));
    const several = cell.runs.length > 1 ? [footnotes.mark(seedsSentence(cell.runs))] : [];
    return [
      withMarks(row ?? absent("–"), particularMarks(cell, footnotes)),
      ...rest,
      isShared(cell) ? withMarks(setup, [footnotes.mark(SHARED_SENTENCE)]) : setup,
      ...metrics.map((metric) => metricCell(cell, metric, footnotes)),
      withMarks(mean(secondsInterval(cell), SECONDS_DIGITS), several),
      count(result.epochs.length),
      ...paperMetricCells(paper),
      paper ? number(paper.seconds, SECONDS_DIGITS) : absent("not in the study"),
    ];
  });
  const onlyPaper = paperOnly(cells, PAPER_SETUPS).map((result) => [
    ...paperRowCells(context, result),
    words(result.setup),
    ...Array.from({ length: metrics.length + 2 }, () => absent("not run")),
    ...paperMetricCells(result),
    number(result.seconds, SECONDS_DIGITS),
  ]);
  return {
    id: "table-4",
    title: "Table IV",
    caption:
      "All setups: quality on the test images, and seconds of training and validation. ± of our seconds is the 95 % interval that the times of the epochs give; the study gives none. The study's seconds are of 50 epochs on RTX A4500s.",
    columns: [
      ...rowColumns(context),
      { id: "setup", title: "Setup", unit: null, source: "condition" },
      ...metrics.map((metric) => metricColumn(metric, "ours")),
      { id: "ours.seconds", title: "Time", unit: "s", source: "ours" },
      { id: "ours.epochs", title: "Epochs", unit: null, source: "ours" },
      ...paperMetricColumns,
      { id: "paper.seconds", title: "Time", unit: "s", source: "paper" },
    ],
    rows: [...rows, ...onlyPaper],
    footnotes: footnotes.sentences,
  };
}
