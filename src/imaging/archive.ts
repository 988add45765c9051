import type { Entry, FileEntry } from "@zip.js/zip.js";
import { type Failure, toFailure } from "@/contracts/failure";
import { corruptArchive, encryptedArchive, nestedArchive } from "./archiveFailures";
import { baseName, fileTooLarge, MAX_FILE_BYTES } from "./decode";
import { readTar } from "./tar";

const ARCHIVE_NAME = /\.(zip|tar|tgz|tar\.gz)$/i;
/** What systems put into folders and archives unasked. */
const HIDDEN = /(^|\/)(\.|__MACOSX(\/|$)|Thumbs\.db$|desktop\.ini$)/;

/** True for a path that names an archive the lab opens. */
export function isArchivePath(path: string): boolean {
  return ARCHIVE_NAME.test(path);
}

/** True for files that are left out without a word: dot files, `__MACOSX`. */
export function isHiddenPath(path: string): boolean {
  return HIDDEN.test(path);
}

/** The order of import: by code units, the same on every machine whatever its language. */
export function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A file of an archive, or why it cannot be read. */
export type ArchiveItem =
  | { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly path: string; readonly failure: Failure };

export interface Archive {
  /** Files in it; null when only reading it to the end can tell. */
  readonly count: number | null;
  /**
   * The files, one in memory at a time: a zip's by path, a tar's as they come. Throws `decode/archive` at the damage in a
   * damaged or cut archive, after the files before it.
   */
  entries(): AsyncGenerator<ArchiveItem>;
}

/**
 * Opens a `.zip`, `.tar`, `.tar.gz` or `.tgz` from disk, told apart by their first bytes; never holds all of it. Fails
 * with `decode/archive` (not an archive, or a damaged zip directory) and `decode/encrypted`.
 */
export async function openArchive(file: Blob, path: string): Promise<Archive> {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  const name = baseName(path);
  if (head[0] === 0x50 && head[1] === 0x4b) return openZip(file, name);
  const gzip = head[0] === 0x1f && head[1] === 0x8b;
  const stream = (): ReadableStream<Uint8Array> =>
    gzip ? file.stream().pipeThrough(new DecompressionStream("gzip")) : file.stream();
  return { count: null, entries: () => tarEntries(stream(), name) };
}

const isWanted = (path: string): boolean => !isHiddenPath(path);

async function* tarEntries(stream: ReadableStream<Uint8Array>, name: string): AsyncGenerator<ArchiveItem> {
  for await (const { path, size, bytes } of readTar(stream, name, isWanted, MAX_FILE_BYTES)) {
    if (isArchivePath(path)) yield { path, failure: nestedArchive(baseName(path)).failure };
    else if (bytes) yield { path, bytes };
    else yield { path, failure: fileTooLarge(path, size).failure };
  }
}

async function openZip(file: Blob, name: string): Promise<Archive> {
  // Loaded with the first zip: the library is large and most imports are folders.
  const { BlobReader, configure, Uint8ArrayWriter, ZipReader } = await import("@zip.js/zip.js");
  // This is a worker already.
  configure({ useWebWorkers: false });
  const reader = new ZipReader(new BlobReader(file));
  let listed: Entry[];
  try {
    listed = await reader.getEntries();
  } catch (cause) {
    throw corruptArchive(name, cause);
  }
  const files = listed
    .filter((entry): entry is FileEntry => !entry.directory && isWanted(entry.filename))
    .sort((a, b) => comparePaths(a.filename, b.filename));
  if (files.some((entry) => entry.encrypted)) throw encryptedArchive(name);

  const read = async (entry: FileEntry): Promise<ArchiveItem> => {
    const path = entry.filename;
    if (isArchivePath(path)) return { path, failure: nestedArchive(baseName(path)).failure };
    if (entry.uncompressedSize > MAX_FILE_BYTES)
      return { path, failure: fileTooLarge(path, entry.uncompressedSize).failure };
    try {
      const bytes = await entry.getData(new Uint8ArrayWriter(), { checkSignature: true });
      return { path, bytes: bytes as Uint8Array<ArrayBuffer> };
    } catch (cause) {
      // Random access: damage in one file says nothing about the next.
      return { path, failure: toFailure(corruptArchive(`${baseName(path)} in ${name}`, cause)) };
    }
  };
  return {
    count: files.length,
    async *entries() {
      try {
        for (const entry of files) yield await read(entry);
      } finally {
        await reader.close();
      }
    },
  };
}
