import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipReader } from "@zip.js/zip.js";

/** Unpacks an exported run into `folder`. Entries that would leave it are refused. */
export async function unpack(zipFile: string, folder: string): Promise<void> {
  const reader = new ZipReader(new Uint8ArrayReader(new Uint8Array(await readFile(zipFile))));
  const root = resolve(folder);
  for (const entry of await reader.getEntries()) {
    if (entry.directory) continue;
    const path = resolve(root, entry.filename);
    if (!path.startsWith(root + sep))
      throw new Error(`The export names a file outside its folder: ${entry.filename}`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await entry.getData(new Uint8ArrayWriter()));
  }
  await reader.close();
}

/** Adds to `result.json` what only the driver knows: the requests that left the lab's origin. Returns its path. */
export async function addNetwork(folder: string, externalRequests: number): Promise<string> {
  const path = join(folder, "result.json");
  const result = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
  await writeFile(path, `${JSON.stringify({ ...result, network: { externalRequests } }, null, 2)}\n`);
  return path;
}
