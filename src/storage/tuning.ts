import type { TuningEntry } from "@/contracts/engineLab";
import { openDatabase } from "./database";

/** What was tuned on every device, by device and kernel. */
export async function listTuning(): Promise<TuningEntry[]> {
  return (await openDatabase()).getAll("tuning");
}

/** What was tuned on one device. */
export async function tuningOf(device: string): Promise<TuningEntry[]> {
  // An array sorts after every text.
  return (await openDatabase()).getAll("tuning", IDBKeyRange.bound([device], [device, []]));
}

/** Keeps a choice, in place of an earlier one of the same kernel and device. */
export async function putTuning(entry: TuningEntry): Promise<void> {
  await (await openDatabase()).put("tuning", entry);
}

export async function clearTuning(): Promise<void> {
  await (await openDatabase()).clear("tuning");
}
