import type { DatasetRecord, ImageRecord } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import { openDatabase } from "./database";

/** All keys of a dataset's images or shards: an array sorts after every number. */
export function rangeOfDataset(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id], [id, []]);
}

export function noSuchDataset(id: string): LabError {
  return new LabError(
    "data/missing",
    `There is no dataset ${id}.`,
    "It may have been deleted in another tab; choose another or import it again.",
  );
}

/** All datasets, newest first; interrupted imports among them. */
export async function listDatasets(): Promise<DatasetRecord[]> {
  const datasets = await (await openDatabase()).getAll("datasets");
  return datasets.sort((a, b) => b.createdAt - a.createdAt);
}

/** One dataset. Fails with `data/missing`. */
export async function getDataset(id: string): Promise<DatasetRecord> {
  const dataset = await (await openDatabase()).get("datasets", id);
  if (!dataset) throw noSuchDataset(id);
  return dataset;
}

/** Records fetched at once: a page of them is read in a few milliseconds, so a list of 15,000 blocks no thread. */
const PAGE = 1000;

/** The image records of a dataset (no pixels), by index. */
export async function listImages(id: string): Promise<ImageRecord[]> {
  const database = await openDatabase();
  const images: ImageRecord[] = [];
  for (;;) {
    const rest = IDBKeyRange.bound([id, images.length], [id, []]);
    const page = await database.getAll("images", rest, PAGE);
    images.push(...page);
    if (page.length < PAGE) return images;
  }
}
