import type { ImportSource } from "@/contracts/workers";

export const STORED_SIZES = [64, 128, 256, 512] as const;

const IMAGE = /\.(png|jpe?g)$/i;
const ARCHIVE = /\.(zip|tar|tar\.gz|tgz)$/i;

/** What was chosen, in numbers, by the files' names. */
export function summarize(sources: readonly ImportSource[]): {
  readonly images: number;
  readonly archives: number;
  readonly others: number;
  readonly bytes: number;
} {
  let images = 0;
  let archives = 0;
  let bytes = 0;
  for (const { path, file } of sources) {
    if (IMAGE.test(path)) images += 1;
    else if (ARCHIVE.test(path)) archives += 1;
    bytes += file.size;
  }
  return { images, archives, others: sources.length - images - archives, bytes };
}

/** A name for a dataset: that of the folder or the archive, else `Images`. */
export function suggestName(sources: readonly ImportSource[]): string {
  const first = sources[0]?.path ?? "";
  const slash = first.indexOf("/");
  if (slash > 0) return first.slice(0, slash);
  if (sources.length === 1 && ARCHIVE.test(first)) return first.replace(ARCHIVE, "");
  return "Images";
}
