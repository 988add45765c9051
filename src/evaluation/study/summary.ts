import { type StudyCell, studyCellText } from "@/contracts/studyReport";
import { difference, Footnotes, mean, PSNR_DIGITS, pValue } from "./cells";
import { asFloat32, paperResult, type StudyContext } from "./context";
import { METRICS, type Metric, metricCell } from "./metrics";
import { listed, networkTitle } from "./names";
import type { NetworkComparison } from "./paired";
import type { RunCell } from "./runCells";
import { comparisonTitle } from "./tables/networks";
import { singleCells } from "./tables/quality";

const PSNR = METRICS[0] as Metric;

/** What the tables say of quality, in a few sentences: PSNR at each noise beside the study's, and network against network. */
export function summarySentences(
  context: StudyContext,
  comparisons: readonly NetworkComparison[],
): readonly string[] {
  const single = singleCells(context.cells);
  const cells = single.length > 0 ? single : context.cells;
  const byNoise = new Map<string, RunCell[]>();
  for (const cell of cells) {
    const place = `${context.noiseOf(cell.noise)}${context.letters ? ` on images ${context.letters.get(cell.data)}` : ""}`;
    byNoise.set(place, [...(byNoise.get(place) ?? []), cell]);
  }
  const quality = [...byNoise].map(([place, group]) => {
    const parts = group.map((cell) => {
      const paper = paperResult(asFloat32(cell));
      const beside = paper ? ` (the study: ${decibels(mean(paper.psnrDb, PSNR_DIGITS))})` : "";
      const width = cell.model.width === 64 ? "" : ` width ${cell.model.width}`;
      return `${networkTitle(cell.model)}${width} reaches ${decibels(metricCell(cell, PSNR, new Footnotes()))}${beside}`;
    });
    return `At ${place} ${listed(parts)}.`;
  });
  const against = comparisons
    .filter(({ metric, first }) => metric.id === "psnrDb" && cells.includes(first))
    .map((comparison) => {
      const { first, images, holmP } = comparison;
      const found = studyCellText(difference(comparison.difference, PSNR_DIGITS));
      const p = studyCellText(pValue(holmP));
      return `${comparisonTitle(comparison)} at ${context.noiseOf(first.noise)}: ${found} dB over ${images} test images (Wilcoxon, Holm: p ${p.startsWith("<") ? p : `= ${p}`}).`;
    });
  return [...quality, ...against];
}

const decibels = (cell: StudyCell): string => `${studyCellText(cell)} dB`;
