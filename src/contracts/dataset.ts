/** Datasets as stored in IndexedDB. Nothing of a source file is kept but its grey pixels, a content hash and a hashed patient key. */
export interface DatasetRecord {
  readonly id: string;
  readonly name: string;
  readonly kind: "imported" | "phantom";
  /** Image side in pixels: every image is size × size, 8 bit grey. */
  readonly size: number;
  readonly imageCount: number;
  readonly patientCount: number;
  /** Where the patient keys came from; `none`: each image counts as its own patient. */
  readonly patientSource: "nih-name" | "csv" | "none";
  readonly bytes: number;
  readonly imagesPerShard: number;
  readonly createdAt: number;
  /** `importing`: interrupted or running; what is stored is usable, and importing again continues. */
  readonly status: "importing" | "ready";
  /** SHA-256 over the images' content hashes in order (hex): two datasets with the same one train alike. */
  readonly fingerprint: string;
}

export interface ImageRecord {
  readonly datasetId: string;
  /** 0 … imageCount−1, the order of import (sorted by file path). */
  readonly index: number;
  /** SHA-256 of the source file's bytes, hex. For phantoms: of the pixels. */
  readonly contentHash: string;
  /** Salted hash of the patient, hex; equal for images of the same patient within a dataset. */
  readonly patientKey: string;
}

export interface ShardRecord {
  readonly datasetId: string;
  readonly shard: number;
  readonly count: number;
  /** count × size × size grey values. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** Reads u8 images by index, in the order asked; the only way training and evaluation see a dataset. */
export interface ImageReader {
  readonly count: number;
  readonly size: number;
  readonly patientKeys: readonly string[];
  /** Returns [indices.length, size, size]. Reads only the shards needed. */
  read(indices: ArrayLike<number>): Promise<Uint8Array<ArrayBuffer>>;
}

/** The id of a phantom dataset: the same request is the same dataset. */
export function phantomDatasetId(request: {
  readonly count: number;
  readonly size: number;
  readonly seed: number;
}): string {
  return `phantom-${request.size}-${request.seed}-${request.count}`;
}
