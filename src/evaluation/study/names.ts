import {
  type ModelConfig,
  NETWORK_NAMES,
  NETWORK_TITLES,
  type RunConfig,
  setupOf,
} from "@/contracts/runConfig";

/** In the order of tables. */
export const NETWORK_ORDER = NETWORK_NAMES;
export { NETWORK_TITLES };

/** What sets a network apart from the usual one of its name. */
const NORM_NOTES = { last: "", both: ", BatchNorm twice", none: ", without BatchNorm" } as const;

/** "U-Net", or "U-Net, BatchNorm twice". */
export function networkTitle({ name, norm }: ModelConfig): string {
  return `${NETWORK_TITLES[name]}${NORM_NOTES[norm]}`;
}

/** "σ 0.1", or "σ 0.1, mean 0.1". */
export function noiseTitle({ mean, std }: { readonly mean: number; readonly std: number }): string {
  return mean === 0 ? `σ ${std}` : `σ ${std}, mean ${mean}`;
}

/** "1 device", "2 devices, DP", "2 devices, DDP + mixed precision". */
export function setupTitle(engine: RunConfig["engine"]): string {
  const { kind, replicas } = setupOf({ engine });
  const devices = kind === "single" ? "1 device" : `${replicas} replicas, ${kind.toUpperCase()}`;
  return `${devices}${engine.precision === "mixed" ? " + mixed precision" : ""}`;
}

/** "a", "a and b", "a, b and c". */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
