import type { ModelConfig } from "@/contracts/runConfig";
import type { StudyContext } from "./context";
import type { RunCell, TestedRun } from "./runCells";

/** Networks tested on the same noisy images, of which at least one was compared with methods. */
export interface SameImages {
  readonly noise: RunCell["noise"];
  readonly letter: string | null;
  readonly seed: number;
  readonly runs: readonly TestedRun[];
}

/** The runs that were compared with methods, each with those that saw the same noisy images, in the order of tables. */
export function sameImages({ cells, letters }: StudyContext): SameImages[] {
  const groups = new Map<string, SameImages & { readonly runs: TestedRun[] }>();
  for (const { runs, noise, data } of cells)
    for (const run of runs) {
      const { seed } = run.result.config;
      const hashes = run.perImage?.map(({ contentHash }) => contentHash) ?? run.id;
      const key = JSON.stringify([noise, data, seed, hashes]);
      const group = groups.get(key);
      if (group) group.runs.push(run);
      else groups.set(key, { noise, letter: letters?.get(data) ?? null, seed, runs: [run] });
    }
  return [...groups.values()].filter(({ runs }) => runs.some(isCompared));
}

const isCompared = ({ result }: TestedRun): boolean => (result.methods ?? []).length > 0;
const isSingle = ({ result }: TestedRun): boolean => result.config.engine.setup === "single";
const inFloat32 = ({ result }: TestedRun): boolean => result.config.engine.precision === "f32";

/**
 * The run of each network whose differences from the methods are given: one of one device before those of several, float32
 * before mixed precision, then the newest.
 */
export function comparedRuns({ runs }: SameImages): ReadonlyMap<ModelConfig["name"], TestedRun> {
  const ordered = runs
    .filter(isCompared)
    .toSorted(
      (a, b) =>
        Number(isSingle(b)) - Number(isSingle(a)) ||
        Number(inFloat32(b)) - Number(inFloat32(a)) ||
        b.createdAt - a.createdAt,
    );
  const networks = new Map<ModelConfig["name"], TestedRun>();
  for (const run of ordered) {
    const { name } = run.result.config.model;
    if (!networks.has(name)) networks.set(name, run);
  }
  return networks;
}

/**
 * The runs that stand beside the methods: of each network those of one device (its setups are compared with each other in
 * Table IV), or all where it has none; and whatever run the differences are of.
 */
export function runsBesideMethods(group: SameImages): readonly TestedRun[] {
  const { runs } = group;
  const networkOf = ({ result }: TestedRun): string => JSON.stringify(result.config.model);
  const ofOneDevice = new Set(runs.filter(isSingle).map(networkOf));
  const compared = new Set(comparedRuns(group).values());
  return runs.filter((run) => isSingle(run) || !ofOneDevice.has(networkOf(run)) || compared.has(run));
}
