import { type ImageReader, phantomDatasetId } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import { datasetId, phantomCount, type RunConfig } from "@/contracts/runConfig";
import type { RunResult } from "@/contracts/training";
import { getDataset, listImages, openImageReader } from "@/storage/datasets";
import { readerAtSize } from "@/training/resizedReader";
import { type Split, splitDataset } from "@/training/split";

/** A run's view of its dataset. */
export interface RunData {
  readonly reader: ImageReader;
  readonly split: Split;
  /** Content hash of each image used, by index. */
  readonly contentHashes: readonly string[];
  /** Content hash of each test image, in the order of `split.test`. */
  readonly testHashes: readonly string[];
  /** For the result. */
  readonly summary: RunResult["dataset"];
}

/**
 * Opens the dataset that a config names, at the run's size, and splits it. Failures: `data/missing`,
 * `data/too-few`, `shape/too-small`.
 */
export async function openRunData(config: RunConfig): Promise<RunData> {
  const { size, maxImages, split: shares, splitBy } = config.data;
  const id = storedId(config);
  const dataset = await getDataset(id);
  const stored = await openImageReader(id);
  const images = Math.min(stored.count, maxImages ?? stored.count);
  const patientKeys = stored.patientKeys.slice(0, images);
  const split = splitDataset({ patientKeys, shares, by: splitBy, seed: config.seed });
  const contentHashes = (await listImages(id)).slice(0, images).map(({ contentHash }) => contentHash);
  return {
    reader: readerAtSize(stored, size),
    split,
    contentHashes,
    testHashes: Array.from(split.test, (index) => contentHashes[index] ?? ""),
    summary: {
      images,
      patients: new Set(patientKeys).size,
      train: split.train.length,
      validation: split.validation.length,
      test: split.test.length,
      synthetic: dataset.kind === "phantom",
      fingerprint: dataset.fingerprint,
    },
  };
}

/** A phantom source means the dataset that rendering it with the run's size and seed makes. */
function storedId({ data: { source, size }, seed }: RunConfig): string {
  const count = phantomCount(source);
  const id = count === null ? datasetId(source) : phantomDatasetId({ count, size, seed });
  if (id !== null) return id;
  throw new LabError(
    "data/missing",
    "The run names no dataset.",
    "Choose a dataset, or phantoms, and start again.",
  );
}
