import type { StudyTable } from "@/contracts/studyReport";
import { absent, count, Footnotes, withMarks } from "../cells";
import {
  asFloat32,
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
import { metricCell, metricColumn, shownMetrics } from "../metrics";
import type { RunCell } from "../runCells";

/** Cells of one device: in float32 or, where there is none, in mixed precision. */
export function singleCells(cells: readonly RunCell[]): readonly RunCell[] {
  const single = cells.filter(({ engine }) => engine.setup === "single");
  const placeOf = ({ model, noise, data }: RunCell): string => JSON.stringify([model, noise, data]);
  const inF32 = new Set(single.filter(({ engine }) => engine.precision === "f32").map(placeOf));
  return single.filter((cell) => cell.engine.precision === "f32" || !inF32.has(placeOf(cell)));
}

/** Table III: quality by noise, one device. Null where no run was of one device. */
export function qualityTable(context: StudyContext): StudyTable | null {
  const cells = singleCells(context.cells);
  if (cells.length === 0) return null;
  const footnotes = new Footnotes();
  const metrics = shownMetrics(cells.flatMap(({ runs }) => runs.map(({ result }) => result.test.denoised)));
  const [psnr] = metrics;
  if (!psnr) return null;
  const rows = cells.map((cell) => {
    const [row, ...rest] = rowCells(context, cell);
    const marks = particularMarks(cell, footnotes);
    if (cell.engine.precision === "mixed")
      marks.push(footnotes.mark("In mixed precision: no run of one device in float32 was chosen."));
    return [
      withMarks(row ?? absent("–"), marks),
      ...rest,
      count(cell.runs[0].result.test.count),
      metricCell(cell, psnr, footnotes, ({ noisy }) => noisy),
      ...metrics.map((metric) => metricCell(cell, metric, footnotes)),
      ...paperMetricCells(paperResult(asFloat32(cell))),
    ];
  });
  const onlyPaper = paperOnly(cells.map(asFloat32), ["1 GPU"]).map((result) => [
    ...paperRowCells(context, result),
    ...Array.from({ length: metrics.length + 2 }, () => absent("not run")),
    ...paperMetricCells(result),
  ]);
  return {
    id: "table-3",
    title: "Table III",
    caption:
      "Quality on the test images by noise, one device: mean ± half width of the 95 % confidence interval; outputs not clamped. LPIPS: lower is better.",
    columns: [
      ...rowColumns(context),
      { id: "tested", title: "Test images", unit: null, source: "ours" },
      { id: "ours.noisy", title: "Noisy PSNR", unit: "dB", source: "ours" },
      ...metrics.map((metric) => metricColumn(metric, "ours")),
      ...paperMetricColumns,
    ],
    rows: [...rows, ...onlyPaper],
    footnotes: footnotes.sentences,
  };
}
