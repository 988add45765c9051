import type { DatasetRecord } from "@/contracts/dataset";
import { type Failure, LabError, type Outcome, outcomeOf, toFailure } from "@/contracts/failure";
import { sha256Hex } from "@/contracts/hash";
import type { ImportProgress, ImportReport, ImportRequest, Listener, SkippedFile } from "@/contracts/workers";
import { type PatientTable, parsePatientTable, patientKey, patientOf } from "@/imaging/patient";
import { withDatasetLock } from "@/storage/datasetLock";
import { getDataset, listDatasets } from "@/storage/datasets";
import { DatasetWriter } from "@/storage/datasetWriter";
import type { ImageMaker } from "./decodePool";
import { mapOrdered } from "./mapOrdered";
import { ProgressMeter } from "./progress";
import { type SourceFile, Sources } from "./sources";
import { checkSpace } from "./space";

/** Files read and hashed ahead of the decoders: hides the disk's latency. */
const READ_AHEAD = 3;
const MIN_SIZE = 16;
const MAX_SIZE = 4096;

export interface ImportTools {
  readonly maker: ImageMaker;
  readonly onProgress: Listener<ImportProgress>;
  readonly isCancelled: () => boolean;
  /** Bytes that may still be stored; null when unknown. */
  readonly freeBytes: () => Promise<number | null>;
}

/** Refuses a side that no dataset can have. */
export function checkSize(size: number): void {
  if (!Number.isInteger(size) || size < MIN_SIZE || size > MAX_SIZE)
    throw new LabError(
      "shape/size",
      `${size} is no image side the lab stores.`,
      `Choose a whole number from ${MIN_SIZE} to ${MAX_SIZE}, best one that divides by 16.`,
    );
}

/** The dataset to go on with, or the id of a new one. */
async function chooseDataset(request: ImportRequest): Promise<{ id: string; name: string }> {
  if (request.resumeDatasetId !== null) {
    const { id, name } = await getDataset(request.resumeDatasetId);
    return { id, name };
  }
  const name = request.name.trim();
  const interrupted = (await listDatasets()).find(
    (dataset) =>
      dataset.kind === "imported" &&
      dataset.status === "importing" &&
      dataset.name === name &&
      dataset.size === request.size,
  );
  return { id: interrupted?.id ?? crypto.randomUUID(), name };
}

/**
 * Imports files into a new dataset, into `resumeDatasetId`, or into an interrupted one of the same name and size; images
 * are stored in the order of their paths, each content once. Fails with `data/empty` (nothing usable; no dataset is left
 * behind), `data/cancelled` (before the first image was stored), `data/patient-csv`, `data/missing`, `data/busy`,
 * `shape/size`, `storage/…`. Files that cannot be used, a cancel and a full disk are in the report.
 */
export async function importImages(request: ImportRequest, tools: ImportTools): Promise<ImportReport> {
  checkSize(request.size);
  const table = request.patientCsv === null ? null : parsePatientTable(request.patientCsv);
  const { id, name } = await chooseDataset(request);
  return withDatasetLock(id, async () => {
    const writer = await DatasetWriter.open({ id, name, kind: "imported", size: request.size });
    const sources = await Sources.open(request.sources);
    const expected = Math.min(sources.found, request.maxImages ?? Number.POSITIVE_INFINITY);
    checkSpace(Math.max(0, expected - writer.imageCount), request.size, await tools.freeBytes());
    return new Import(request, tools, writer, sources, table, id).run();
  });
}

interface Loaded {
  readonly path: string;
  readonly content: Outcome<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly hash: string }>;
}

/** What a file turned out to be. `again`: its content was met before in this import. */
type Step =
  | { readonly kind: "failed"; readonly path: string; readonly failure: Failure }
  | { readonly kind: "again" | "kept"; readonly path: string; readonly hash: string }
  | {
      readonly kind: "new";
      readonly path: string;
      readonly hash: string;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | { readonly kind: "made"; readonly path: string; readonly hash: string; readonly pixels: Uint8Array };

async function load(file: SourceFile): Promise<Loaded> {
  const { path } = file;
  if ("failure" in file) return { path, content: { ok: false, failure: file.failure } };
  const content = await outcomeOf(async () => {
    const bytes = await file.read();
    return { bytes, hash: await sha256Hex(bytes) };
  });
  return { path, content };
}

/** One import, from its first file to its report. */
class Import {
  private readonly request: ImportRequest;
  private readonly tools: ImportTools;
  private readonly writer: DatasetWriter;
  private readonly sources: Sources;
  private readonly table: PatientTable | null;
  private readonly datasetId: string;
  private readonly meter: ProgressMeter;

  private readonly skipped: SkippedFile[] = [];
  private readonly paths = new Map<string, string>();
  /** Why a content could not be used, for its copies. */
  private readonly unusable = new Map<string, Failure>();
  private stored = 0;
  private duplicates = 0;
  private ended: Failure | null = null;

  constructor(
    request: ImportRequest,
    tools: ImportTools,
    writer: DatasetWriter,
    sources: Sources,
    table: PatientTable | null,
    datasetId: string,
  ) {
    this.request = request;
    this.tools = tools;
    this.writer = writer;
    this.sources = sources;
    this.table = table;
    this.datasetId = datasetId;
    this.meter = new ProgressMeter(datasetId, tools.onProgress);
  }

  async run(): Promise<ImportReport> {
    this.report();
    let cancelled = false;
    try {
      const files = mapOrdered(this.sources.files(), READ_AHEAD, load);
      const steps = mapOrdered(this.distinct(files), this.tools.maker.tasksInFlight, (step) =>
        this.decode(step),
      );
      for await (const step of steps) {
        cancelled = this.tools.isCancelled();
        if (cancelled || this.isFull()) break;
        await this.settle(step);
        this.report();
      }
      if (cancelled) await this.writer.flush();
      else await this.writer.finish();
    } catch (error) {
      const failure = toFailure(error);
      if (failure.code !== "storage/quota") throw error;
      this.ended = failure;
    }
    this.report(true);
    const dataset = this.writer.dataset;
    if (!dataset) throw this.nothingStored(cancelled);
    return this.reportOf(dataset, cancelled);
  }

  private isFull(): boolean {
    const { maxImages } = this.request;
    return maxImages !== null && this.writer.imageCount >= maxImages;
  }

  /** Tells new contents from copies and from what an earlier import stored, so that neither is decoded again. */
  private async *distinct(files: AsyncIterable<Loaded>): AsyncGenerator<Step> {
    const kept = new Set(this.writer.contentHashes);
    const met = new Set<string>();
    for await (const { path, content } of files) {
      if (!content.ok) {
        yield { kind: "failed", path, failure: content.failure };
        continue;
      }
      const { bytes, hash } = content.value;
      if (met.has(hash)) yield { kind: "again", path, hash };
      else if (kept.has(hash)) yield { kind: "kept", path, hash };
      else yield { kind: "new", path, hash, bytes };
      met.add(hash);
    }
  }

  private async decode(step: Step): Promise<Step> {
    if (step.kind !== "new") return step;
    const { path, hash, bytes } = step;
    const { size } = this.request;
    const outcome = await this.tools.maker.make({ kind: "file", bytes, path, size });
    if (outcome.ok) return { kind: "made", path, hash, pixels: outcome.value };
    this.unusable.set(hash, outcome.failure);
    return { kind: "failed", path, failure: outcome.failure };
  }

  private async settle(step: Step): Promise<void> {
    const { path } = step;
    switch (step.kind) {
      case "failed":
        this.skipped.push({ path, failure: step.failure });
        break;
      case "again": {
        const failure = this.unusable.get(step.hash);
        if (failure) this.skipped.push({ path, failure });
        else this.duplicates++;
        break;
      }
      case "kept":
        this.stored++;
        this.paths.set(step.hash, path);
        break;
      case "made": {
        const patient = patientOf(path, this.table);
        await this.writer.add({
          contentHash: step.hash,
          patientKey: await patientKey(this.datasetId, patient.name, step.hash),
          patientSource: patient.source,
          pixels: step.pixels,
        });
        this.stored++;
        this.paths.set(step.hash, path);
        break;
      }
      case "new":
        break;
      default:
        step satisfies never;
    }
  }

  private report(last = false): void {
    const { stored, duplicates } = this;
    const skipped = this.skipped.length;
    const done = stored + duplicates + skipped;
    const { total } = this.sources;
    const limit = (this.request.maxImages ?? Number.POSITIVE_INFINITY) + duplicates + skipped;
    const toDo = total === null ? null : Math.min(total, limit);
    this.meter.report({ done, total: toDo, stored, duplicates, skipped }, last);
  }

  private nothingStored(cancelled: boolean): LabError {
    if (this.ended) return new LabError(this.ended.code, this.ended.message, this.ended.remedy);
    if (cancelled)
      return new LabError(
        "data/cancelled",
        "The import was cancelled before its first image was stored.",
        "Start it again when you like.",
      );
    const first = this.skipped[0];
    const count = this.skipped.length;
    const files = count === 1 ? "The only file" : `None of the ${count} files`;
    return new LabError(
      "data/empty",
      first
        ? `${files} could ${count === 1 ? "not " : ""}be imported${count === 1 ? "" : ", the first"} because ${first.failure.message}`
        : "There is no image in what was chosen.",
      "Choose a folder or archive with PNG or JPEG images.",
    );
  }

  private reportOf(dataset: DatasetRecord, cancelled: boolean): ImportReport {
    // After a full disk the last images are not stored: their names are not kept either.
    const stored = new Set(this.writer.contentHashes.slice(0, dataset.imageCount));
    return {
      dataset,
      duplicates: this.duplicates,
      skipped: this.skipped,
      cancelled,
      ended: this.ended,
      paths: new Map([...this.paths].filter(([hash]) => stored.has(hash))),
    };
  }
}
