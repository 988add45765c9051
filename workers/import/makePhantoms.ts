import { type DatasetRecord, phantomDatasetId } from "@/contracts/dataset";
import { LabError, type Outcome } from "@/contracts/failure";
import { sha256Hex } from "@/contracts/hash";
import { patientKey } from "@/imaging/patient";
import { withDatasetLock } from "@/storage/datasetLock";
import { DatasetWriter } from "@/storage/datasetWriter";
import { checkSize, type ImportTools } from "./importImages";
import { mapOrdered } from "./mapOrdered";
import { ProgressMeter } from "./progress";
import { checkSpace } from "./space";

const MAX_COUNT = 100_000;
const MAX_SEED = 0xffff_ffff;

export interface PhantomRequest {
  readonly count: number;
  readonly size: number;
  readonly seed: number;
}

function checkRequest({ count, size, seed }: PhantomRequest): void {
  checkSize(size);
  if (!Number.isInteger(count) || count < 1 || count > MAX_COUNT)
    throw new LabError(
      "data/count",
      `${count} is no number of phantoms.`,
      `Choose a whole number from 1 to ${MAX_COUNT}.`,
    );
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED)
    throw new LabError("data/seed", `${seed} is no seed.`, `Choose a whole number from 0 to ${MAX_SEED}.`);
}

/**
 * Renders a dataset of synthetic radiographs: the same request gives the same dataset, so one already stored is returned
 * and one that was cut off is continued. Fails with `data/cancelled` (what was rendered is kept), `data/count`,
 * `data/seed`, `data/busy`, `shape/size`, `storage/quota`.
 */
export async function makePhantoms(request: PhantomRequest, tools: ImportTools): Promise<DatasetRecord> {
  checkRequest(request);
  const { count, size, seed } = request;
  const id = phantomDatasetId(request);
  return withDatasetLock(id, async () => {
    const writer = await DatasetWriter.open({
      id,
      name: `${count} phantoms, ${size} × ${size}, seed ${seed}`,
      kind: "phantom",
      size,
    });
    if (writer.dataset?.status === "ready") return writer.dataset;
    const first = writer.imageCount;
    checkSpace(count - first, size, await tools.freeBytes());
    const meter = new ProgressMeter(id, tools.onProgress);
    const report = (last = false): void => {
      const done = writer.imageCount;
      meter.report({ done, total: count, stored: done, duplicates: 0, skipped: 0 }, last);
    };
    report();
    const indices = Array.from({ length: count - first }, (_, i) => first + i);
    const images = mapOrdered(indices, tools.maker.tasksInFlight, (index) =>
      tools.maker.make({ kind: "phantom", size, seed, index }),
    );
    for await (const image of images) {
      if (tools.isCancelled()) {
        await writer.flush();
        throw new LabError(
          "data/cancelled",
          `Rendering was cancelled after ${writer.imageCount} of ${count} phantoms.`,
          "Start it again to go on from there.",
        );
      }
      await addPhantom(writer, id, image);
      report();
    }
    await writer.finish();
    report(true);
    const dataset = writer.dataset;
    if (!dataset) throw new Error("finish stored no dataset");
    return dataset;
  });
}

async function addPhantom(
  writer: DatasetWriter,
  datasetId: string,
  image: Outcome<Uint8Array<ArrayBuffer>>,
): Promise<void> {
  if (!image.ok) throw new LabError(image.failure.code, image.failure.message, image.failure.remedy);
  const contentHash = await sha256Hex(image.value);
  await writer.add({
    contentHash,
    patientKey: await patientKey(datasetId, null, contentHash),
    patientSource: "none",
    pixels: image.value,
  });
}
