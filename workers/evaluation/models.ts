import { LabError } from "@/contracts/failure";
import type { ModelSummary } from "@/contracts/run";
import { type NoiseConfig, parseRunConfig } from "@/contracts/runConfig";
import { writeSafetensors } from "@/model/safetensors";
import { readModelFile } from "@/model/stateDict";
import { putModel, summarizeModel } from "@/storage/models";

/** Width 256 U-Net++ has 586 M parameters, 2.3 GB: more than a browser tab holds. */
const MAX_MODEL_BYTES = 2 ** 31;

/** The noise of the run config that the lab writes into a file's metadata; null in files from elsewhere. */
function trainedNoise(config: string | undefined): NoiseConfig | null {
  if (config === undefined) return null;
  try {
    const parsed = parseRunConfig(JSON.parse(config));
    return parsed.ok ? parsed.value.noise : null;
  } catch {
    // Metadata is a courtesy: weights with an unreadable note are still good weights.
    return null;
  }
}

/**
 * Stores a safetensors or PyTorch file as a model named after the file; the network is found from names and shapes. Failures:
 * those of reading and identifying (`weights/…`), nothing is stored then.
 */
export async function importModelFile(file: File): Promise<ModelSummary> {
  if (file.size > MAX_MODEL_BYTES)
    throw new LabError(
      "weights/too-large",
      `${file.name} has ${(file.size / 2 ** 30).toFixed(1)} GiB; the largest that can be opened here is 2 GiB.`,
      "Use a narrower network.",
    );
  const { model, weights, metadata } = readModelFile(new Uint8Array(await file.arrayBuffer()));
  const record = {
    id: crypto.randomUUID(),
    name: file.name.replace(/\.(safetensors|pth|pt)$/i, "") || "Imported model",
    runId: null,
    kind: "imported" as const,
    model,
    noise: trainedNoise(metadata["config"]),
    createdAt: Date.now(),
    bytes: writeSafetensors(weights, metadata),
  };
  await putModel(record);
  return summarizeModel(record);
}
