import type { ImageMetrics } from "@/contracts/training";
import { meanInterval } from "../interval";
import { sameNoise } from "../measures";
import { bootstrapMean } from "../statistics/bootstrap";
import { pairedDifferences } from "../statistics/differences";
import { holm } from "../statistics/holm";
import { pairedT } from "../statistics/pairedT";
import { wilcoxonSignedRank } from "../statistics/wilcoxon";
import { METRICS, type Metric } from "./metrics";
import type { RunCell, TestedRun } from "./runCells";

/** One network less another on the same noisy test images, in one metric. */
export interface NetworkComparison {
  /** `first` less `second`. */
  readonly first: RunCell;
  readonly second: RunCell;
  readonly seed: number;
  readonly metric: Metric;
  readonly images: number;
  /** Mean with its 95 % bootstrap interval (BCa). */
  readonly difference: { readonly mean: number; readonly low: number; readonly high: number };
  readonly wilcoxonP: number;
  /** After Holm's correction over all comparisons given together. */
  readonly holmP: number;
  readonly cohensD: number;
}

/** The per-image fields that can be compared. */
const COMPARED = ["psnrDb", "ssim", "lpips"] as const;

type Pair = readonly [ImageMetrics, ImageMetrics];

function samePictures(a: TestedRun, b: TestedRun): Pair[] {
  const others = new Map((b.perImage ?? []).map((image) => [image.contentHash, image]));
  return (a.perImage ?? []).flatMap((image): Pair[] => {
    const other = others.get(image.contentHash);
    const same =
      other !== undefined && other.index === image.index && sameNoise(other.noisyPsnrDb, image.noisyPsnrDb);
    return same ? [[image, other]] : [];
  });
}

function compared(first: RunCell, second: RunCell, a: TestedRun, b: TestedRun): NetworkComparison[] {
  const pairs = samePictures(a, b);
  if (pairs.length < 2) return [];
  const { seed } = a.result.config;
  return COMPARED.flatMap((id) => {
    const metric = METRICS.find((one) => one.id === id);
    const values = (side: 0 | 1): number[] => pairs.map((pair) => pair[side][id] ?? Number.NaN);
    const differences = pairedDifferences(values(0), values(1));
    if (!metric || differences.length < 2) return [];
    const { p: wilcoxonP } = wilcoxonSignedRank(differences);
    return [
      {
        first,
        second,
        seed,
        metric,
        images: differences.length,
        difference: { mean: meanInterval(differences).mean, ...bootstrapMean(differences, seed, "bca") },
        wilcoxonP,
        holmP: Number.NaN,
        cohensD: pairedT(differences).cohensD,
      },
    ];
  });
}

/**
 * Every two networks of the same noise, images, setup and precision, on the test images that both saw with the same noise
 * (same content, same seed); later ones in the order of tables less earlier ones.
 */
export function compareNetworks(cells: readonly RunCell[]): readonly NetworkComparison[] {
  const found = cells.flatMap((second, at) =>
    cells.slice(at + 1).flatMap((first) => {
      const placeOf = ({ noise, data, engine }: RunCell) =>
        JSON.stringify([noise, data, engine.setup, engine.precision]);
      if (placeOf(first) !== placeOf(second)) return [];
      return first.runs.flatMap((a) => {
        const b = second.runs.find(({ result }) => result.config.seed === a.result.config.seed);
        return b ? compared(first, second, a, b) : [];
      });
    }),
  );
  const corrected = holm(found.map(({ wilcoxonP }) => wilcoxonP));
  return found.map((one, i) => ({ ...one, holmP: corrected[i] ?? Number.NaN }));
}
