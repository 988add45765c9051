import { type Failure, LabError, toFailure } from "@/contracts/failure";
import type { ImportSource } from "@/contracts/workers";
import { type Archive, comparePaths, isArchivePath, isHiddenPath, openArchive } from "@/imaging/archive";
import {
  baseName,
  fileTooLarge,
  HEAD_BYTES,
  imageFormat,
  MAX_FILE_BYTES,
  notAnImage,
} from "@/imaging/decode";

/** A file to import, or why it cannot be read. */
export type SourceFile =
  | { readonly path: string; readonly read: () => Promise<Uint8Array<ArrayBuffer>> }
  | { readonly path: string; readonly failure: Failure };

const IMAGE_NAME = /\.(png|jpe?g)$/i;

function unreadable(path: string, cause: unknown): LabError {
  return new LabError(
    "decode/unreadable",
    `${baseName(path)} could not be read.`,
    "Check that it still exists and may be read, then import again.",
    { cause },
  );
}

const asLabError = (path: string, error: unknown): LabError =>
  error instanceof LabError ? error : unreadable(path, error);

async function readFile(file: File, path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size > MAX_FILE_BYTES) throw fileTooLarge(path, file.size);
  try {
    // A video among the images is known by its start, without reading all of it.
    if (!IMAGE_NAME.test(path)) {
      const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
      if (imageFormat(head) === null) throw notAnImage(path);
    }
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw asLabError(path, error);
  }
}

type Opened = ImportSource & { readonly archive: Archive | Failure | null };

/** What the user gave, as one sequence of files in the order of their paths, archives opened. */
export class Sources {
  private readonly opened: readonly Opened[];
  private count: number;
  /** Archives whose number of files is not known yet. */
  private uncounted: number;

  private constructor(opened: readonly Opened[]) {
    this.opened = opened;
    const counts = opened.map(({ archive }) => (archive && "entries" in archive ? archive.count : 1));
    this.count = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
    this.uncounted = counts.filter((count) => count === null).length;
  }

  static async open(sources: readonly ImportSource[]): Promise<Sources> {
    const sorted = sources
      .filter(({ path }) => !isHiddenPath(path))
      .sort((a, b) => comparePaths(a.path, b.path));
    const opened: Opened[] = [];
    for (const source of sorted) {
      const archive = isArchivePath(source.path)
        ? await openArchive(source.file, source.path).catch((error) => asLabError(source.path, error).failure)
        : null;
      opened.push({ ...source, archive });
    }
    return new Sources(opened);
  }

  /** Files found so far. */
  get found(): number {
    return this.count;
  }

  /** Files in all; null while an archive is still to be read to its end. */
  get total(): number | null {
    return this.uncounted > 0 ? null : this.count;
  }

  /** Every file once, with what could not be opened in its place. An archive's files are one in memory at a time. */
  async *files(): AsyncGenerator<SourceFile> {
    for (const { path, file, archive } of this.opened) {
      if (!archive) yield { path, read: () => readFile(file, path) };
      else if ("entries" in archive) yield* this.archived(path, archive);
      else yield { path, failure: archive };
    }
  }

  private async *archived(archivePath: string, archive: Archive): AsyncGenerator<SourceFile> {
    try {
      for await (const item of archive.entries()) {
        const path = `${archivePath}/${item.path}`;
        if (archive.count === null) this.count++;
        if ("bytes" in item) yield { path, read: () => Promise.resolve(item.bytes) };
        else yield { path, failure: item.failure };
      }
    } catch (error) {
      this.count++;
      yield { path: archivePath, failure: toFailure(error) };
    } finally {
      if (archive.count === null) this.uncounted--;
    }
  }
}
