import { LabError } from "@/contracts/failure";
import type { LpipsWeightsSummary } from "@/contracts/lpips";
import { assembleLpips, type LpipsPart, readLpipsPart } from "@/evaluation/lpips/weights";
import { writeSafetensors } from "@/model/safetensors";
import { putLpipsWeights } from "@/storage/lpips";

/** torchvision's AlexNet takes 244 MB, most of it a classifier that is not read; a file beyond this is something else. */
const MAX_BYTES = 300e6;

/**
 * Keeps LPIPS weights, in place of earlier ones of the same network: whole files, or a network's file and its heads' file
 * chosen together. All or nothing. Failures: `weights/lpips`, `weights/lpips-part` and those of reading (`weights/…`).
 */
export async function importLpipsFiles(files: readonly File[]): Promise<LpipsWeightsSummary[]> {
  const parts: (LpipsPart & { readonly name: string })[] = [];
  for (const file of files) {
    if (file.size > MAX_BYTES)
      throw new LabError(
        "weights/too-large",
        `${file.name} has ${(file.size / 1e6).toFixed(0)} MB; LPIPS weights have less than ${MAX_BYTES / 1e6}.`,
        "Get a file with npm run get-lpips, or load the original .pth files.",
      );
    parts.push({ name: file.name, ...readLpipsPart(new Uint8Array(await file.arrayBuffer())) });
  }
  const records = assembleLpips(parts).map(({ network, tensors }) => ({
    network,
    fileName: parts
      .filter((part) => part.network === network)
      .map(({ name }) => name)
      .join(" + "),
    storedAt: Date.now(),
    bytes: writeSafetensors(tensors, { format: "pt", network: `lpips-${network} v0.1` }),
  }));
  for (const record of records) await putLpipsWeights(record);
  return records.map(({ bytes, ...rest }) => ({ ...rest, byteLength: bytes.byteLength }));
}
