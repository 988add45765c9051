import type { DatasetRecord } from "@/contracts/dataset";
import { exampleRun } from "@/evaluation/exampleRun.fixture";
import { writeSafetensors } from "@/model/safetensors";
import { openDatabase } from "@/storage/database";
import { putModel } from "@/storage/models";
import { createRun } from "@/storage/runs";

/** The example run and its data set as stored records, for tests of what the evaluation worker makes of them. */

export const SIZE = 16;

export const dataset: DatasetRecord = {
  id: "d-1",
  name: "Example",
  kind: "imported",
  size: SIZE,
  imageCount: 10,
  patientCount: 6,
  patientSource: "nih-name",
  bytes: 10 * SIZE * SIZE,
  imagesPerShard: 4,
  createdAt: 1,
  status: "ready",
  fingerprint: "f".repeat(64),
};

export async function storeDataset(): Promise<void> {
  const transaction = (await openDatabase()).transaction(["datasets", "images", "shards"], "readwrite");
  await transaction.objectStore("datasets").put(dataset);
  for (let index = 0; index < dataset.imageCount; index++)
    await transaction.objectStore("images").put({
      datasetId: dataset.id,
      index,
      contentHash: `${index}`.repeat(64),
      patientKey: `${index % 6}`,
    });
  for (let shard = 0; shard < 3; shard++) {
    const count = Math.min(4, dataset.imageCount - shard * 4);
    const pixels = Uint8Array.from({ length: count * SIZE * SIZE }, (_, i) => (i * 7 + shard * 50) % 256);
    await transaction.objectStore("shards").put({ datasetId: dataset.id, shard, count, pixels });
  }
  await transaction.done;
}

export async function storeExample(exportImages: number): Promise<void> {
  const { run, curve, weights, trace, film } = exampleRun();
  const config = { ...run.config, evaluation: { ...run.config.evaluation, exportImages } };
  await createRun(
    { ...run, config, result: { ...run.result, config } },
    { film, curve: { firstStep: 1, ...curve }, trace: trace && { runId: run.id, ...trace } },
  );
  for (const kind of ["best", "last"] as const)
    await putModel({
      id: `${run.id}-${kind}`,
      name: `${run.name} (${kind})`,
      runId: run.id,
      kind,
      model: config.model,
      noise: config.noise,
      createdAt: run.createdAt,
      bytes: writeSafetensors(weights[kind] ?? new Map()),
    });
}
