import { useEffect, useState } from "react";
import type { DatasetRecord, ImageReader } from "@/contracts/dataset";
import { type Failure, toFailure } from "@/contracts/failure";
import { openImageReader } from "@/storage/datasets";

/** An image and its place in its dataset: size × size grey bytes. */
export interface StoredImage {
  readonly index: number;
  readonly pixels: Uint8Array;
}

/** Consecutive images of a dataset. */
export interface ImagePage {
  readonly first: number;
  readonly size: number;
  readonly images: readonly StoredImage[];
}

export interface ImagePageState {
  readonly page: ImagePage | null;
  readonly failure: Failure | null;
}

/** Readers by dataset; an import in progress adds images, so a reader serves one count only. */
const readers = new Map<string, { readonly count: number; readonly reader: Promise<ImageReader> }>();

function readerOf(id: string, imageCount: number): Promise<ImageReader> {
  const known = readers.get(id);
  if (known?.count === imageCount) return known.reader;
  const reader = openImageReader(id);
  readers.set(id, { count: imageCount, reader });
  // A reader that could not be opened is asked for again next time.
  reader.catch(() => readers.delete(id));
  return reader;
}

/** Lets go of what is known of a deleted dataset. */
export function forgetImages(datasetId: string): void {
  readers.delete(datasetId);
}

/** Reads images `first … first+count−1`, fewer at the end. Reads only the shards they are in. */
export async function readPage(
  { id, imageCount }: Pick<DatasetRecord, "id" | "imageCount">,
  first: number,
  count: number,
): Promise<ImagePage> {
  const reader = await readerOf(id, imageCount);
  const length = Math.max(0, Math.min(count, reader.count - first));
  const pixels = await reader.read(Array.from({ length }, (_, i) => first + i));
  const area = reader.size * reader.size;
  const images = Array.from({ length }, (_, i) => ({
    index: first + i,
    pixels: pixels.subarray(i * area, (i + 1) * area),
  }));
  return { first, size: reader.size, images };
}

/** A page of images for a component. While another page loads the one before stays; late pages are dropped. */
export function useImagePage(
  { id, imageCount }: Pick<DatasetRecord, "id" | "imageCount">,
  first: number,
  count: number,
): ImagePageState {
  const [state, setState] = useState<ImagePageState>({ page: null, failure: null });
  useEffect(() => {
    let current = true;
    readPage({ id, imageCount }, first, count).then(
      (page) => current && setState({ page, failure: null }),
      (error: unknown) => current && setState({ page: null, failure: toFailure(error) }),
    );
    return () => {
      current = false;
    };
  }, [id, imageCount, first, count]);
  return state;
}
