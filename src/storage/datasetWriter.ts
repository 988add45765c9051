import type { DatasetRecord, ImageRecord } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import { sha256Hex } from "@/contracts/hash";
import { openDatabase } from "./database";
import { listImages } from "./datasetRecords";
import { datasetName } from "./datasets";

/** A shard is one IndexedDB record: large enough to read fast, small enough that one image does not cost much. */
const SHARD_BYTES = 4 * 1024 * 1024;
/** How much work a crash may cost: a shard that is not full yet is stored after this long too. */
const FLUSH_MS = 2000;

type PatientSource = DatasetRecord["patientSource"];

export interface NewImage {
  /** SHA-256 of the source file's bytes, hex; unique within a dataset. */
  readonly contentHash: string;
  readonly patientKey: string;
  readonly patientSource: PatientSource;
  /** [size, size] */
  readonly pixels: Uint8Array;
}

export interface NewDataset {
  readonly id: string;
  readonly name: string;
  readonly kind: DatasetRecord["kind"];
  readonly size: number;
}

/** Images a shard of a dataset holds. */
export function imagesPerShard(size: number): number {
  return Math.max(1, Math.floor(SHARD_BYTES / (size * size)));
}

/** A dataset is said to know its patients from the best source that any of its images had. */
function strongest(a: PatientSource, b: PatientSource): PatientSource {
  if (a === "csv" || b === "csv") return "csv";
  return a === "none" ? b : a;
}

/**
 * Appends images to one dataset: the only writer of `datasets`, `images` and `shards` while it is open (hold the dataset's
 * lock). A shard, its image records and the dataset record are written in one transaction, so they agree after a crash.
 * The dataset comes into being with its first image.
 */
export class DatasetWriter {
  /** As stored; null before the first image. */
  private stored: DatasetRecord | null;
  private readonly start: DatasetRecord;
  private readonly hashes: string[];
  private readonly patients: Set<string>;
  /** The shard being filled, and the records of its images that are not stored yet. */
  private readonly shard: Uint8Array<ArrayBuffer>;
  private patientSource: PatientSource;
  private pending: ImageRecord[] = [];
  private lastFlush = performance.now();

  private constructor(
    start: DatasetRecord,
    stored: DatasetRecord | null,
    images: readonly ImageRecord[],
    shard: Uint8Array<ArrayBuffer>,
  ) {
    this.start = start;
    this.stored = stored;
    this.hashes = images.map(({ contentHash }) => contentHash);
    this.patients = new Set(images.map(({ patientKey }) => patientKey));
    this.shard = shard;
    this.patientSource = start.patientSource;
  }

  /**
   * Opens a dataset for appending, a new one or the stored one with that id. Fails with `shape/size` when the stored one
   * has another size, `data/kind` when it is of another kind, and `storage/name`.
   */
  static async open(dataset: NewDataset): Promise<DatasetWriter> {
    const { id, kind, size } = dataset;
    const database = await openDatabase();
    const stored = (await database.get("datasets", id)) ?? null;
    if (stored && stored.size !== size)
      throw new LabError(
        "shape/size",
        `Dataset ${stored.name} has images of ${stored.size} × ${stored.size}, not ${size} × ${size}.`,
        `Import at ${stored.size} or as a new dataset.`,
      );
    if (stored && stored.kind !== kind)
      throw new LabError(
        "data/kind",
        `Dataset ${stored.name} holds ${stored.kind === "phantom" ? "synthetic" : "imported"} images.`,
        "Import as a new dataset, so that real and synthetic images stay apart.",
      );
    const images = stored ? await listImages(id) : [];
    const perShard = stored?.imagesPerShard ?? imagesPerShard(size);
    const shard = new Uint8Array(perShard * size * size);
    const filled = images.length % perShard;
    if (filled > 0) {
      const record = await database.get("shards", [id, Math.floor(images.length / perShard)]);
      if (record) shard.set(record.pixels);
    }
    const start: DatasetRecord = stored ?? {
      id,
      name: datasetName(dataset.name),
      kind,
      size,
      imageCount: 0,
      patientCount: 0,
      patientSource: "none",
      bytes: 0,
      imagesPerShard: perShard,
      createdAt: Date.now(),
      status: "importing",
      fingerprint: "",
    };
    return new DatasetWriter(start, stored, images, shard);
  }

  /** The dataset as stored, null before its first image is. */
  get dataset(): DatasetRecord | null {
    return this.stored;
  }

  /** Images added so far, stored or about to be. */
  get imageCount(): number {
    return this.hashes.length;
  }

  /** Content hashes of the images added so far, by index. */
  get contentHashes(): readonly string[] {
    return this.hashes;
  }

  /** Adds an image; stores when the shard is full or some time has passed. Fails with `storage/quota`. */
  async add(image: NewImage): Promise<void> {
    const { id: datasetId, size, imagesPerShard } = this.start;
    const index = this.hashes.length;
    this.shard.set(image.pixels, (index % imagesPerShard) * size * size);
    this.hashes.push(image.contentHash);
    this.patients.add(image.patientKey);
    this.pending.push({
      datasetId,
      index,
      contentHash: image.contentHash,
      patientKey: image.patientKey,
    });
    this.patientSource = strongest(this.patientSource, image.patientSource);
    const full = this.hashes.length % imagesPerShard === 0;
    if (full || performance.now() - this.lastFlush > FLUSH_MS) await this.flush();
  }

  /**
   * Stores what was added; an import that is cut off ends with it and can go on later. Fails with `storage/quota`; then
   * nothing of what was added since the last time is stored, and the writer must not be used again.
   */
  flush(): Promise<void> {
    return this.write("importing");
  }

  /** Stores the rest and marks the dataset complete. */
  finish(): Promise<void> {
    return this.write("ready");
  }

  private async write(status: DatasetRecord["status"]): Promise<void> {
    const count = this.hashes.length;
    if (count === 0) return;
    const { id: datasetId, size, imagesPerShard } = this.start;
    const record: DatasetRecord = {
      ...(this.stored ?? this.start),
      status,
      patientSource: this.patientSource,
      imageCount: count,
      patientCount: this.patients.size,
      bytes: count * size * size,
      // Before the transaction: it would close while a foreign promise is awaited.
      fingerprint: await sha256Hex(new TextEncoder().encode(this.hashes.join(""))),
    };
    const database = await openDatabase();
    const transaction = database.transaction(["datasets", "images", "shards"], "readwrite");
    // A name given meanwhile stays.
    const now = await transaction.objectStore("datasets").get(datasetId);
    const dataset = { ...record, name: now?.name ?? record.name };
    const writes: Promise<unknown>[] = [transaction.objectStore("datasets").put(dataset)];
    if (this.pending.length > 0) {
      const shard = Math.floor((count - 1) / imagesPerShard);
      const inShard = count - shard * imagesPerShard;
      const pixels = this.shard.slice(0, inShard * size * size);
      writes.push(transaction.objectStore("shards").put({ datasetId, shard, count: inShard, pixels }));
      for (const image of this.pending) writes.push(transaction.objectStore("images").add(image));
    }
    // `done` tells why a transaction was aborted; each of its writes only says that it was.
    for (const write of writes) write.catch(() => undefined);
    await transaction.done;
    this.stored = dataset;
    this.pending = [];
    this.lastFlush = performance.now();
  }
}
