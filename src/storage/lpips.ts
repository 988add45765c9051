import {
  LPIPS_NETWORKS,
  type LpipsNetwork,
  type LpipsWeightsRecord,
  type LpipsWeightsSummary,
} from "@/contracts/lpips";
import { openDatabase } from "./database";

/** Keeps the weights of a network, in place of earlier ones of the same network. */
export async function putLpipsWeights(record: LpipsWeightsRecord): Promise<void> {
  await (await openDatabase()).put("lpips", record);
}

/** Deletes a network's weights; deleting what is gone is no error. */
export async function deleteLpipsWeights(network: LpipsNetwork): Promise<void> {
  await (await openDatabase()).delete("lpips", network);
}

/** What is stored, without the weights themselves, in the order of `LPIPS_NETWORKS`. */
export async function listLpipsWeights(): Promise<LpipsWeightsSummary[]> {
  const records = await (await openDatabase()).getAll("lpips");
  return records
    .map(({ bytes, ...rest }) => ({ ...rest, byteLength: bytes.byteLength }))
    .sort((a, b) => LPIPS_NETWORKS.indexOf(a.network) - LPIPS_NETWORKS.indexOf(b.network));
}

/** The stored weights of a network, or null. */
export async function lpipsWeightsOf(network: LpipsNetwork): Promise<LpipsWeightsRecord | null> {
  return (await (await openDatabase()).get("lpips", network)) ?? null;
}

/** The weights to measure with: AlexNet's, as the study does, else SqueezeNet's; null where none are stored. */
export async function preferredLpipsWeights(): Promise<LpipsWeightsRecord | null> {
  for (const network of LPIPS_NETWORKS) {
    const record = await lpipsWeightsOf(network);
    if (record) return record;
  }
  return null;
}
