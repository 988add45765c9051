import type { ModelSummary, RunRecord } from "@/contracts/run";
import { diffConfigs, NETWORK_TITLES, type RunConfig } from "@/contracts/runConfig";

/** Wall seconds of training and validation so far; null before the first epoch. */
export function runSeconds(run: RunRecord): number | null {
  if (run.result) return run.result.timing.trainSeconds + run.result.timing.validationSeconds;
  if (run.epochs.length === 0) return null;
  return run.epochs.reduce((sum, epoch) => sum + epoch.seconds + epoch.validationSeconds, 0);
}

/** Bytes of the weights that a run has left behind. */
export function weightBytes(runId: string, models: readonly ModelSummary[]): number {
  return models.reduce((sum, model) => (model.runId === runId ? sum + model.byteLength : sum), 0);
}

/** What sets a network apart from the usual one of its name. */
const NORM_NOTES = { last: "", both: ", BatchNorm twice", none: ", without BatchNorm" } as const;

/** "U-Net, width 8". */
export function networkName({ name, width, norm }: RunConfig["model"]): string {
  return `${NETWORK_TITLES[name]}, width ${width}${NORM_NOTES[norm]}`;
}

/** "σ 0.2" or "N(0.1, 0.2), drawn once". */
export function noiseName({ mean, std, draw }: RunConfig["noise"]): string {
  return `${mean === 0 ? `σ ${std}` : `N(${mean}, ${std})`}${draw === "once" ? ", drawn once" : ""}`;
}

export interface DiffRow {
  /** Dotted path in the config. */
  readonly path: string;
  /** One value a config, as JSON. */
  readonly values: readonly string[];
}

/** The fields in which configs differ from each other, in the order of the schema; nothing for fewer than two. */
export function configDifferences(configs: readonly RunConfig[]): DiffRow[] {
  const [first, ...others] = configs;
  if (!first) return [];
  const paths = new Set(others.flatMap((config) => diffConfigs(first, config).map(({ path }) => path)));
  return [...paths].map((path) => ({ path, values: configs.map((config) => valueAt(config, path)) }));
}

function valueAt(config: RunConfig, path: string): string {
  const value = path
    .split(".")
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], config);
  return typeof value === "string" ? value : JSON.stringify(value);
}
