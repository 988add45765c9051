import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import { openDatabase } from "./database";
import { getDataset, listImages } from "./datasetRecords";

/** Holds 16 full shards: enough for pages of thumbnails and runs of neighbours, little enough for any tab. */
const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;
/** Shards fetched at the same time: hides IndexedDB's latency without holding many. */
const PARALLEL_SHARDS = 4;

/** Shards lately used, oldest first (a Map keeps the order of insertion), at most `maxBytes` of them. */
class ShardCache {
  private readonly shards = new Map<number, Uint8Array<ArrayBuffer>>();
  private readonly maxBytes: number;
  private bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get(shard: number): Uint8Array<ArrayBuffer> | undefined {
    const pixels = this.shards.get(shard);
    if (pixels) {
      this.shards.delete(shard);
      this.shards.set(shard, pixels);
    }
    return pixels;
  }

  put(shard: number, pixels: Uint8Array<ArrayBuffer>): void {
    this.bytes += pixels.length - (this.shards.get(shard)?.length ?? 0);
    this.shards.delete(shard);
    this.shards.set(shard, pixels);
    for (const [oldest, { length }] of this.shards) {
      if (this.bytes <= this.maxBytes) break;
      this.shards.delete(oldest);
      this.bytes -= length;
    }
  }
}

/**
 * Opens a dataset for reading at its stored size, with the images it has now (an import in progress may add more).
 * `cacheBytes` bounds the shards kept in memory between reads. Fails with `data/missing`; its reads fail with
 * `data/missing` when the dataset has been deleted meanwhile.
 */
export async function openImageReader(id: string, cacheBytes = DEFAULT_CACHE_BYTES): Promise<ImageReader> {
  const dataset = await getDataset(id);
  const images = await listImages(id);
  const { size, imagesPerShard } = dataset;
  const count = Math.min(dataset.imageCount, images.length);
  const cache = new ShardCache(cacheBytes);
  const area = size * size;

  const fetchShard = async (shard: number): Promise<Uint8Array<ArrayBuffer>> => {
    const cached = cache.get(shard);
    if (cached) return cached;
    const record = await (await openDatabase()).get("shards", [id, shard]);
    if (!record)
      throw new LabError(
        "data/missing",
        `The images of dataset ${dataset.name} are no longer stored.`,
        "Import it again.",
      );
    cache.put(shard, record.pixels);
    return record.pixels;
  };

  return {
    count,
    size,
    patientKeys: images.slice(0, count).map(({ patientKey }) => patientKey),
    async read(indices) {
      const out = new Uint8Array(indices.length * area);
      /** Places in `indices` by shard. */
      const wanted = new Map<number, number[]>();
      for (let place = 0; place < indices.length; place++) {
        const index = indices[place] as number;
        if (!Number.isInteger(index) || index < 0 || index >= count)
          throw new LabError(
            "data/index",
            `There is no image ${index} in a dataset of ${count}.`,
            `Choose one from 0 to ${count - 1}.`,
          );
        const shard = Math.floor(index / imagesPerShard);
        const places = wanted.get(shard);
        if (places) places.push(place);
        else wanted.set(shard, [place]);
      }
      const shards = [...wanted];
      for (let first = 0; first < shards.length; first += PARALLEL_SHARDS)
        await Promise.all(
          shards.slice(first, first + PARALLEL_SHARDS).map(async ([shard, places]) => {
            const pixels = await fetchShard(shard);
            for (const place of places) {
              const row = ((indices[place] as number) - shard * imagesPerShard) * area;
              out.set(pixels.subarray(row, row + area), place * area);
            }
          }),
        );
      return out;
    },
  };
}
