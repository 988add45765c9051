import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assembleLpips, readLpipsPart, readLpipsWeights } from "@/evaluation/lpips/weights";
import { writeSafetensors } from "@/model/safetensors";
import { type DownloadProgress, discard, download } from "./download";
import type { LpipsSource } from "./sources";

/**
 * Downloads a network and its heads into `folder`, checks their SHA-256 and puts them together as one safetensors file,
 * whose path it gives back; the originals are deleted then. A file that is there already, and whole, is left as it is.
 * Fails as `download` and `readLpipsPart` do.
 */
export async function getLpips(
  { network, backbone, heads }: LpipsSource,
  folder: string,
  onProgress: (progress: DownloadProgress) => void,
): Promise<string> {
  const path = join(folder, `lpips_${network}.safetensors`);
  if (await isWhole(path)) return path;
  const parts = [];
  for (const file of [backbone, heads]) parts.push(readLpipsPart(await download(file, folder, onProgress)));
  const [weights] = assembleLpips(parts);
  if (!weights) throw new Error("No network came out of two parts.");
  const metadata = {
    format: "pt",
    network: `lpips-${network} v0.1`,
    backbone: `${backbone.url} sha256:${backbone.sha256}`,
    heads: `${heads.url} sha256:${heads.sha256}`,
  };
  // Under another name first: what bears the final one is whole.
  await writeFile(`${path}.part`, writeSafetensors(weights.tensors, metadata));
  await rename(`${path}.part`, path);
  for (const file of [backbone, heads]) await discard(file, folder);
  return path;
}

async function isWhole(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  try {
    readLpipsWeights(new Uint8Array(await readFile(path)));
    return true;
  } catch {
    return false;
  }
}
