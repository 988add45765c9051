import { LabError } from "@/contracts/failure";
import type { LpipsWeightsSummary } from "@/contracts/lpips";
import { readLpipsWeights } from "@/evaluation/lpips/weights";
import { putLpipsWeights } from "@/storage/lpips";

/** AlexNet's weights take 9.9 MB; a file beyond this is something else, and need not be read. */
const MAX_BYTES = 50e6;

/**
 * Keeps a safetensors file of LPIPS weights, in place of earlier ones of the same network. Failures: `weights/lpips`
 * and those of reading it (`weights/…`); nothing is stored then.
 */
export async function importLpipsFile(file: File): Promise<LpipsWeightsSummary> {
  if (file.size > MAX_BYTES)
    throw new LabError(
      "weights/too-large",
      `${file.name} has ${(file.size / 1e6).toFixed(0)} MB; LPIPS weights have less than ${MAX_BYTES / 1e6}.`,
      "Make the file with pytorch/make_lpips_weights.py.",
    );
  const bytes = new Uint8Array(await file.arrayBuffer());
  const { network } = readLpipsWeights(bytes);
  const summary = { network, fileName: file.name, storedAt: Date.now() };
  await putLpipsWeights({ ...summary, bytes });
  return { ...summary, byteLength: bytes.byteLength };
}
