import type { DenoiseItem } from "./denoise";

/** File names for denoised images: `chest.jpg` → `chest-denoised.png`; equal ones are numbered. */
export function exportNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const base = `${name.replace(/\.[^.]+$/, "") || "image"}-denoised`;
    let candidate = `${base}.png`;
    for (let number = 2; taken.has(candidate.toLowerCase()); number++) candidate = `${base}-${number}.png`;
    taken.add(candidate.toLowerCase());
    return candidate;
  });
}

/** All finished images in one archive. PNGs are compressed already, so they are stored as they are, one at a time. */
export async function zipDenoised(items: readonly DenoiseItem[]): Promise<Blob> {
  const { BlobReader, BlobWriter, ZipWriter } = await import("@zip.js/zip.js");
  const finished = items.flatMap(({ name, png }) => (png ? [{ name, png }] : []));
  const names = exportNames(finished.map(({ name }) => name));
  const zip = new ZipWriter(new BlobWriter("application/zip"), { level: 0, useWebWorkers: false });
  for (const [i, { png }] of finished.entries()) await zip.add(names[i] ?? "", new BlobReader(png));
  return zip.close();
}
