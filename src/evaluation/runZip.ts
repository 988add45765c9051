import {
  BlobReader,
  BlobWriter,
  configure,
  type FileEntry,
  Uint8ArrayReader,
  Uint8ArrayWriter,
  ZipReader,
  ZipWriter,
} from "@zip.js/zip.js";
import { LabError } from "@/contracts/failure";
import type { RunFile } from "./runFiles";

// Already on a worker thread; workers of its own would be fetched from blob addresses.
configure({ useWebWorkers: false });

/** Text shrinks; float32 weights, arrays and PNG hardly do, and would only cost time. */
const SHRINKS = /\.(json|csv|md|txt|py|ts)$/;

/** Packs files into one zip. Each file is written and let go before the next is asked for. */
export async function zipFiles(files: AsyncIterable<RunFile>): Promise<Blob> {
  const writer = new ZipWriter(new BlobWriter("application/zip"));
  for await (const { path, bytes } of files)
    await writer.add(path, new Uint8ArrayReader(bytes), { level: SHRINKS.test(path) ? 6 : 0 });
  return writer.close();
}

/** A file of a result folder or zip, read when asked for. */
export interface LazyFile {
  readonly path: string;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/** The files of a result: those of the one zip, or the loose ones themselves. Fails with `run/corrupt`. */
export async function lazyFiles(files: readonly File[]): Promise<LazyFile[]> {
  const [only] = files;
  if (files.length === 1 && only && /\.zip$/i.test(only.name)) return zipEntries(only);
  return files.map((file) => ({
    path: file.webkitRelativePath || file.name,
    bytes: async () => new Uint8Array(await file.arrayBuffer()),
  }));
}

async function zipEntries(file: File): Promise<LazyFile[]> {
  const corrupt = (error: unknown): LabError =>
    new LabError(
      "run/corrupt",
      `${file.name} is not a complete zip file.`,
      "Export the run again where it was trained.",
      { cause: error },
    );
  const reader = new ZipReader(new BlobReader(file), { checkSignature: true });
  try {
    const entries = await reader.getEntries();
    return entries
      .filter((entry): entry is FileEntry => !entry.directory)
      .map((entry) => ({
        path: entry.filename,
        bytes: async () => {
          try {
            return (await entry.getData(new Uint8ArrayWriter())) as Uint8Array<ArrayBuffer>;
          } catch (error) {
            throw corrupt(error);
          }
        },
      }));
  } catch (error) {
    throw corrupt(error);
  }
}
