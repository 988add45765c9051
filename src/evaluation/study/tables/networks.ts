import type { StudyCell, StudyTable } from "@/contracts/studyReport";
import { absent, count, difference, number, pValue, words } from "../cells";
import { paperResult, type StudyContext } from "../context";
import { networkTitle, setupTitle } from "../names";
import type { NetworkComparison } from "../paired";
import type { RunCell } from "../runCells";

export function comparisonTitle({ first, second }: NetworkComparison): string {
  const same = networkTitle(first.model) === networkTitle(second.model);
  const title = ({ model }: RunCell): string =>
    `${networkTitle(model)}${same ? ` width ${model.width}` : ""}`;
  return `${title(first)} less ${title(second)}`;
}

/** The study's means set against each other; it gives no interval of a difference. */
function paperDifference({ first, second, metric }: NetworkComparison): StudyCell {
  const [a, b] = [paperResult(first), paperResult(second)];
  if (!a || !b) return absent("not in the study");
  const { id } = metric;
  if (id !== "psnrDb" && id !== "ssim" && id !== "lpips") return absent("not in the study");
  return number(a[id].mean - b[id].mean, metric.digits, "signed");
}

/** Networks against each other, image by image. Null where no two runs saw the same noisy images. */
export function networksTable(
  { letters, noiseOf }: StudyContext,
  comparisons: readonly NetworkComparison[],
): StudyTable | null {
  if (comparisons.length === 0) return null;
  const severalSeeds = new Set(comparisons.map(({ seed }) => seed)).size > 1;
  return {
    id: "table-networks",
    title: "Network against network",
    caption: `Networks on the same noisy test images, pair by pair: mean difference per image with its 95 % bootstrap interval (BCa, 2,000 resamples); p of Wilcoxon's signed ranks, two-sided, and after Holm's correction over the ${comparisons.length} comparisons of this table; d is Cohen's, of the paired differences.`,
    columns: [
      { id: "row", title: "Networks", unit: null, source: "condition" },
      { id: "noise", title: "Noise", unit: null, source: "condition" },
      { id: "setup", title: "Setup", unit: null, source: "condition" },
      ...(letters ? [{ id: "imageSet", title: "Images", unit: null, source: "condition" } as const] : []),
      ...(severalSeeds ? [{ id: "seed", title: "Seed", unit: null, source: "condition" } as const] : []),
      { id: "metric", title: "Metric", unit: null, source: "condition" },
      { id: "pairs", title: "Pairs", unit: null, source: "ours" },
      { id: "ours.difference", title: "Difference", unit: null, source: "ours" },
      { id: "ours.p", title: "p, Wilcoxon", unit: null, source: "ours" },
      { id: "ours.holm", title: "p, Holm", unit: null, source: "ours" },
      { id: "ours.d", title: "d", unit: null, source: "ours" },
      { id: "paper.difference", title: "Difference of means", unit: null, source: "paper" },
    ],
    rows: comparisons.map((comparison) => {
      const { first, metric } = comparison;
      return [
        words(comparisonTitle(comparison)),
        words(noiseOf(first.noise)),
        words(setupTitle(first.engine)),
        ...(letters ? [words(letters.get(first.data) ?? "–")] : []),
        ...(severalSeeds ? [number(comparison.seed, 0)] : []),
        words(metric.unit ? `${metric.title} (${metric.unit})` : metric.title),
        count(comparison.images),
        difference(comparison.difference, metric.digits),
        pValue(comparison.wilcoxonP),
        pValue(comparison.holmP),
        number(comparison.cohensD, 2),
        paperDifference(comparison),
      ];
    }),
    footnotes: [],
  };
}
