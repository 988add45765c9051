import type { TuningEntry } from "@/contracts/engineLab";
import type { Engine, ExecutorOptions } from "@/engine/executor";
import type { Tuner } from "@/engine/tuning";
import { putTuning, tuningOf } from "@/storage/tuning";

/** What nobody asked for takes no longer than this. */
const UNASKED_MS = 20_000;

/** The choices stored for this thread's device, by kernel. */
export async function storedTuning(tuner: Tuner): Promise<Record<string, string>> {
  const { key } = await tuner.device();
  return choicesOf(await tuningOf(key));
}

function choicesOf(entries: readonly TuningEntry[]): Record<string, string> {
  return Object.fromEntries(entries.map(({ kernel, variant }) => [kernel, variant]));
}

/**
 * How an engine computes its kernels here: what was tuned before, and, on a graphics card, what 20 s suffice for of the rest.
 * On software adapters the defaults were measured, and compiling dominates: nothing is tuned unasked there. {} for an
 * engine without a tuner. Throws the signal's reason when aborted.
 */
export async function tuningFor(
  { tuner }: Engine,
  options: ExecutorOptions,
  images: number,
  signal: AbortSignal,
  onNote: (note: string) => void,
): Promise<Record<string, string>> {
  if (!tuner) return {};
  const { key, software } = await tuner.device();
  const known = choicesOf(await tuningOf(key));
  if (software) return known;
  const writes: Promise<void>[] = [];
  try {
    const { entries } = await tuner.tune(options, images, "training", {
      known: new Set(Object.keys(known)),
      budgetMs: UNASKED_MS,
      signal,
      onProgress: ({ done, total, secondsLeft }) =>
        onNote(
          `Tuning kernels for this GPU: ${done} of ${total}${secondsLeft === null ? "" : `, about ${Math.ceil(secondsLeft)} s`}`,
        ),
      onEntry: (entry) => writes.push(putTuning(entry)),
    });
    return { ...known, ...choicesOf(entries) };
  } finally {
    await Promise.all(writes);
  }
}
