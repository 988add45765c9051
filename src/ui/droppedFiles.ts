import type { ImportSource } from "@/contracts/workers";

/** What is left out of a folder without a word: files that systems put there. */
const HIDDEN = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/;

/** Counts files while a large folder is being listed. */
export type FoundListener = (files: number) => void;

class Collector {
  readonly sources: ImportSource[] = [];
  private readonly onFound: FoundListener;
  constructor(onFound: FoundListener) {
    this.onFound = onFound;
  }
  add(path: string, file: File): void {
    if (HIDDEN.test(path)) return;
    this.sources.push({ path, file });
    if (this.sources.length % 100 === 0) this.onFound(this.sources.length);
  }
}

async function walkHandle(handle: FileSystemHandle, path: string, into: Collector): Promise<void> {
  if (handle instanceof FileSystemFileHandle) into.add(path, await handle.getFile());
  else if (handle instanceof FileSystemDirectoryHandle)
    for await (const child of handle.values()) await walkHandle(child, `${path}/${child.name}`, into);
}

async function walkEntry(entry: FileSystemEntry, path: string, into: Collector): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    into.add(path, file);
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  // A reader hands out at most 100 entries at a time and ends with an empty list.
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (batch.length === 0) return;
    for (const child of batch) await walkEntry(child, `${path}/${child.name}`, into);
  }
}

/**
 * All files of a drop, folders walked through, each with its path. Call it in the drop event itself: the items are
 * readable only until the event ends, so they are taken before the first wait.
 */
export function filesOfDrop(transfer: DataTransfer, onFound: FoundListener): Promise<ImportSource[]> {
  const into = new Collector(onFound);
  const work = [...transfer.items].flatMap((item): (() => Promise<void>)[] => {
    if (item.kind !== "file") return [];
    const entry = item.webkitGetAsEntry();
    if (entry) return [() => walkEntry(entry, entry.name, into)];
    const file = item.getAsFile();
    return file ? [async () => into.add(file.name, file)] : [];
  });
  return (async () => {
    for (const step of work) await step();
    return into.sources;
  })();
}

/** The files of an `<input type="file">`, with their paths inside the folder where one was chosen. */
export function filesOfList(files: Iterable<File>): ImportSource[] {
  const into = new Collector(() => {});
  for (const file of files) into.add(file.webkitRelativePath || file.name, file);
  return into.sources;
}

/** True where the browser can open a folder without the upload dialog of `webkitdirectory`. */
export function canPickDirectory(): boolean {
  return typeof window !== "undefined" && "showDirectoryPicker" in window;
}

/** Asks for a folder; null when the person changed their mind. */
export async function pickDirectory(onFound: FoundListener): Promise<ImportSource[] | null> {
  const picker = (window as unknown as { showDirectoryPicker(): Promise<FileSystemDirectoryHandle> })
    .showDirectoryPicker;
  let handle: FileSystemDirectoryHandle;
  try {
    handle = await picker.call(window);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return null;
    throw error;
  }
  const into = new Collector(onFound);
  await walkHandle(handle, handle.name, into);
  return into.sources;
}
