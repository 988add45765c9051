import type { ModelConfig, NoiseConfig, RunConfig } from "@/contracts/runConfig";
import { diffConfigs, explicitConfig, setupOf } from "@/contracts/runConfig";
import type { StudyRun } from "@/contracts/studyReport";
import { listed, NETWORK_ORDER } from "./names";

/** A run with a test: only these have a place in the tables. */
export type TestedRun = StudyRun & {
  readonly result: { readonly test: NonNullable<StudyRun["result"]["test"]> };
};

/** A place in the tables: one network at one noise, in one setup and precision, on one set of images. */
export interface RunCell {
  readonly model: ModelConfig;
  readonly noise: Pick<NoiseConfig, "mean" | "std">;
  readonly engine: RunConfig["engine"];
  /** Tells sets of images apart. */
  readonly data: string;
  /** The run that counts, newest first; more only where they differ in nothing but the seed. */
  readonly runs: readonly [TestedRun, ...TestedRun[]];
}

/** Fields that do not change what is learnt: where data came from, what was recorded or measured besides. */
const NOT_THE_METHOD = /^(seed|mode|trace|data\.(source|maxImages)|engine\.name|evaluation\..*)$/;

/** Dotted paths of settings in which two runs differ as methods, seeds apart. */
export function methodDifferences(a: RunConfig, b: RunConfig): string[] {
  return diffConfigs(explicitConfig(a), explicitConfig(b))
    .map(({ path }) => path)
    .filter((path) => !NOT_THE_METHOD.test(path));
}

export function dataKey({ result: { dataset, config } }: StudyRun): string {
  return JSON.stringify([dataset.fingerprint, dataset.images, config.data.size]);
}

function cellKey(run: StudyRun): string {
  const { model, noise, engine } = run.result.config;
  return JSON.stringify([
    model.name,
    model.width,
    model.norm,
    noise.mean,
    noise.std,
    engine.setup,
    engine.precision,
    dataKey(run),
  ]);
}

const isTested = (run: StudyRun): run is TestedRun => run.result.test !== null;

function sameMethod(counts: TestedRun, other: TestedRun): boolean {
  return (
    methodDifferences(counts.result.config, other.result.config).length === 0 &&
    counts.result.engine.name === other.result.engine.name &&
    counts.result.complete === other.result.complete
  );
}

/**
 * The places that runs fill, in the order of tables. Of several runs in a place the newest that came to its end counts; those
 * that differ from it only in the seed count with it, one a seed. `leftOut`: a sentence for every run that does not count.
 */
export function runCells(runs: readonly StudyRun[]): {
  readonly cells: readonly RunCell[];
  readonly leftOut: readonly string[];
} {
  const leftOut = runs
    .filter((run) => !isTested(run))
    .map(({ name }) => `${name} has no test results: let it come to its end, or test it first.`);
  const groups = new Map<string, TestedRun[]>();
  for (const run of runs.filter(isTested)) {
    const key = cellKey(run);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const cells = [...groups.values()].map((group): RunCell => {
    const [first, ...rest] = group.toSorted(
      (a, b) => Number(b.result.complete) - Number(a.result.complete) || b.createdAt - a.createdAt,
    ) as [TestedRun, ...TestedRun[]];
    const { model, noise, engine } = first.result.config;
    const counted: [TestedRun, ...TestedRun[]] = [first];
    for (const other of rest) {
      const seeds = counted.map(({ result }) => result.config.seed);
      if (sameMethod(first, other) && !seeds.includes(other.result.config.seed)) counted.push(other);
      else leftOut.push(`${other.name} does not count: ${whyNot(first, other)}`);
    }
    return {
      model,
      noise: { mean: noise.mean, std: noise.std },
      engine,
      data: dataKey(first),
      runs: counted,
    };
  });
  return { cells: cells.toSorted(inTableOrder), leftOut };
}

function whyNot(first: TestedRun, other: TestedRun): string {
  const differences = methodDifferences(first.result.config, other.result.config);
  if (other.result.complete !== first.result.complete)
    return `it ended early, and ${first.name} fills the same place.`;
  if (differences.length > 0)
    return `${first.name} is newer, fills the same place and differs in ${listed(differences)}.`;
  if (other.result.engine.name !== first.result.engine.name)
    return `${first.name} is newer, fills the same place and ran on ${first.result.engine.name} instead of ${other.result.engine.name}.`;
  return `a newer run with the same settings and seed fills its place.`;
}

const SETUP_ORDER = { single: 0, dp: 1, ddp: 2 } as const;

function inTableOrder(a: RunCell, b: RunCell): number {
  const [setupA, setupB] = [setupOf(a), setupOf(b)];
  return (
    a.noise.std - b.noise.std ||
    a.noise.mean - b.noise.mean ||
    a.data.localeCompare(b.data) ||
    NETWORK_ORDER.indexOf(a.model.name) - NETWORK_ORDER.indexOf(b.model.name) ||
    a.model.width - b.model.width ||
    a.model.norm.localeCompare(b.model.norm) * -1 ||
    SETUP_ORDER[setupA.kind] - SETUP_ORDER[setupB.kind] ||
    setupA.replicas - setupB.replicas ||
    a.engine.precision.localeCompare(b.engine.precision)
  );
}

/** Letters for sets of images, in the order given; null where there is only one. */
export function dataLetters(cells: readonly RunCell[]): ReadonlyMap<string, string> | null {
  const keys = [...new Set(cells.map(({ data }) => data))];
  if (keys.length < 2) return null;
  return new Map(keys.map((key, i) => [key, i < 26 ? String.fromCharCode(65 + i) : `A${i}`]));
}
