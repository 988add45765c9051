import type { PriorMethodResult } from "@/contracts/training";
import { difference, mean, number, PSNR_DIGITS } from "./cells";
import type { StudyContext } from "./context";
import { listed } from "./names";
import type { TestedRun } from "./runCells";
import { comparedRuns, sameImages } from "./sameImages";
import { decibels, pWords, runWords } from "./summaryWords";

/** Level of the tests, after Holm's correction over the methods of a run. */
const LEVEL = 0.05;

/** What is given to methods, and that less the mean of its noise: rows of the tables, but no methods. */
const INPUTS: readonly string[] = ["noisy", "mean"];

const methodsOf = ({ result }: TestedRun): PriorMethodResult[] =>
  (result.methods ?? []).filter(({ name }) => !INPUTS.includes(name));

/** Where a network lies against a method: known only where the test and the interval of the paired difference agree. */
function standing({ versusNetwork: { differenceDb, holmP } }: PriorMethodResult): "above" | "below" | "open" {
  if (!(holmP < LEVEL)) return "open";
  if (differenceDb.low > 0) return "above";
  return differenceDb.high < 0 ? "below" : "open";
}

/**
 * At each noise the method of the highest mean PSNR with its paired difference from each compared network, and which methods
 * each network is above or below. Methods are not compared with each other.
 */
export function methodSentences(context: StudyContext): string[] {
  const groups = sameImages(context);
  const severalSeeds = new Set(groups.map(({ seed }) => seed)).size > 1;
  return groups.flatMap((group) => {
    const place = `${context.noiseOf(group.noise)}${group.letter ? ` on images ${group.letter}` : ""}${severalSeeds ? ` with seed ${group.seed}` : ""}`;
    const runs = [...comparedRuns(group).values()].filter((run) => methodsOf(run).length > 0);
    const best = bestWords(runs);
    return best === null ? [] : [`At ${place} ${[best, ...runs.flatMap(standingWords)].join(" ")}`];
  });
}

/** Of the methods that every compared network has been set against; null where there is none. */
function bestWords(runs: readonly TestedRun[]): string | null {
  const common = (runs[0] ? methodsOf(runs[0]) : []).filter(({ name }) =>
    runs.every((run) => methodsOf(run).some((method) => method.name === name)),
  );
  const [best] = common.toSorted((a, b) => b.psnrDb.mean - a.psnrDb.mean);
  if (!best) return null;
  const against = runs.flatMap((run) => {
    const method = methodsOf(run).find(({ name }) => name === best.name);
    return method ? [againstWords(run, method)] : [];
  });
  const rank =
    common.length === 1
      ? "has a mean PSNR of"
      : `has the highest mean PSNR of the ${common.length} methods compared,`;
  return `${best.title} ${rank} ${decibels(mean(best.psnrDb, PSNR_DIGITS))}: ${listed(against)}.`;
}

/** "3.537 [3.136, 4.010] dB above U-Net on the same 44 test images (Wilcoxon, Holm: p < 0.0001)". */
function againstWords(run: TestedRun, method: PriorMethodResult): string {
  const { differenceDb, holmP } = method.versusNetwork;
  const { mean: center, low, high } = differenceDb;
  const network = runWords(run);
  const images = `the same ${run.result.test.count} test images`;
  const tested = `Wilcoxon, Holm: ${pWords(holmP)}`;
  switch (standing(method)) {
    case "open":
      return `not told apart from ${network} on ${images} (${network} less ${method.title}: ${decibels(difference(differenceDb, PSNR_DIGITS))}; ${tested})`;
    case "above":
      return `${apart(center, low, high)} below ${network} on ${images} (${tested})`;
    case "below":
      return `${apart(-center, -high, -low)} above ${network} on ${images} (${tested})`;
  }
}

const apart = (center: number, low: number, high: number): string =>
  decibels({ ...number(center, PSNR_DIGITS), interval: [low, high] });

/** "U-Net is above A and B, below C and not told apart from D (level 0.05)."; nothing where only one method was compared. */
function standingWords(run: TestedRun): string[] {
  const methods = methodsOf(run);
  if (methods.length < 2) return [];
  const titles = (where: ReturnType<typeof standing>): string[] =>
    methods.filter((method) => standing(method) === where).map(({ title }) => title);
  const part = (words: string, names: readonly string[]): string[] =>
    names.length > 0 ? [`${words} ${listed(names)}`] : [];
  const parts = [
    ...part("above", titles("above")),
    ...part("below", titles("below")),
    ...part("not told apart from", titles("open")),
  ];
  return [`${runWords(run)} is ${parts.join("; ")} (by PSNR, level ${LEVEL}).`];
}
