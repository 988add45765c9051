import { LabError } from "@/contracts/failure";
import { openDatabase } from "./database";
import { withDatasetLock } from "./datasetLock";
import { noSuchDataset, rangeOfDataset } from "./datasetRecords";

export { getDataset, listDatasets, listImages } from "./datasetRecords";
export { openImageReader } from "./imageReader";

/** Longest name that a list still shows whole. */
const MAX_NAME_LENGTH = 200;

/** A name as it is stored. Fails with `storage/name` when nothing is left of it. */
export function datasetName(name: string): string {
  const trimmed = name.trim().slice(0, MAX_NAME_LENGTH);
  if (trimmed === "")
    throw new LabError("storage/name", "A dataset needs a name.", "Type at least one character.");
  return trimmed;
}

/** Gives a dataset another name. Fails with `storage/name` (empty) and `data/missing`. */
export async function renameDataset(id: string, name: string): Promise<void> {
  const newName = datasetName(name);
  const transaction = (await openDatabase()).transaction("datasets", "readwrite");
  const dataset = await transaction.store.get(id);
  if (dataset) await transaction.store.put({ ...dataset, name: newName });
  await transaction.done;
  if (!dataset) throw noSuchDataset(id);
}

/** Deletes a dataset and its pixels; one that is gone is no error. Fails with `data/busy` while it is imported into. */
export function deleteDataset(id: string): Promise<void> {
  return withDatasetLock(id, async () => {
    const database = await openDatabase();
    const transaction = database.transaction(["datasets", "images", "shards"], "readwrite");
    const range = rangeOfDataset(id);
    await Promise.all([
      transaction.objectStore("datasets").delete(id),
      transaction.objectStore("images").delete(range),
      transaction.objectStore("shards").delete(range),
      transaction.done,
    ]);
  });
}
