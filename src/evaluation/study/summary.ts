import { studyCellText } from "@/contracts/studyReport";
import { PAPER_DATA, paperConfig } from "../paperResults";
import { difference, Footnotes, mean, PSNR_DIGITS } from "./cells";
import { asFloat32, paperResult, type StudyContext } from "./context";
import { METRICS, type Metric, metricCell } from "./metrics";
import { listed, NETWORK_TITLES } from "./names";
import type { NetworkComparison } from "./paired";
import type { RunCell } from "./runCells";
import { methodSentences } from "./summaryMethods";
import { decibels, pWords, runWords } from "./summaryWords";
import { comparisonTitle } from "./tables/networks";
import { singleCells } from "./tables/quality";

const PSNR = METRICS[0] as Metric;

/**
 * What the tables say of quality, in a few sentences: PSNR at each noise beside the study's, network against network, and
 * the methods that are not trained.
 */
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
  const quality = [...byNoise].map(([place, group]) => `At ${place} ${qualityWords(group)}.`);
  const against = comparisons
    .filter(({ metric, first }) => metric.id === "psnrDb" && cells.includes(first))
    .map((comparison) => {
      const { first, images, holmP } = comparison;
      const found = studyCellText(difference(comparison.difference, PSNR_DIGITS));
      return `${comparisonTitle(comparison)} at ${context.noiseOf(first.noise)}: ${found} dB over ${images} test images (Wilcoxon, Holm: ${pWords(holmP)}).`;
    });
  return [...quality, ...against, ...methodSentences(context)];
}

/** Networks at one noise, each with its PSNR; the study's with what its size was, said once where it is the same for all. */
function qualityWords(group: readonly RunCell[]): string {
  const parts = group.map((cell) => {
    const paper = paperResult(cell) ?? paperResult(asFloat32(cell));
    const size = studySize(cell);
    return {
      ours: `${runWords(cell.runs[0])} reaches ${decibels(metricCell(cell, PSNR, new Footnotes()))}`,
      theirs: paper && {
        title: NETWORK_TITLES[paper.model],
        psnr: decibels(mean(paper.psnrDb, PSNR_DIGITS)),
        who: ["the study", ...size].join(", "),
      },
    };
  });
  const theirs = parts.flatMap((part) => part.theirs ?? []);
  const [first] = theirs;
  const once =
    first &&
    theirs.length === parts.length &&
    parts.length > 1 &&
    theirs.every(({ who }) => who === first.who);
  if (once)
    return `${listed(parts.map(({ ours }) => ours))} (${first.who}: ${listed(theirs.map(({ title, psnr }) => `${title} ${psnr}`))})`;
  return listed(parts.map(({ ours, theirs }) => (theirs ? `${ours} (${theirs.who}: ${theirs.psnr})` : ours)));
}

/** What the study had otherwise in its size and its noise: its decibels are no measure of ours without it. */
function studySize({ runs }: RunCell): string[] {
  const [{ result }] = runs;
  const { config, dataset, epochs } = result;
  const paper = paperConfig(config);
  const said: readonly (readonly [same: boolean, words: string])[] = [
    [config.model.width === paper.model.width, `width ${paper.model.width}`],
    [config.data.size === paper.data.size, `${paper.data.size}×${paper.data.size} pixels`],
    [epochs.length === paper.training.epochs, `${paper.training.epochs} epochs`],
    [dataset.images === PAPER_DATA.images, `${PAPER_DATA.images.toLocaleString("en-US")} images`],
    [config.noise.mean === paper.noise.mean, `noise of mean ${paper.noise.mean}`],
  ];
  return said.filter(([same]) => !same).map(([, words]) => words);
}
