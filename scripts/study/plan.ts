import { unwrap } from "@/contracts/failure";
import { assertSupported, parseRunConfig, type RunConfig, setupOf } from "@/contracts/runConfig";
import type { BenchRun } from "../bench/options";

/** What a study varies and what its runs have in common. */
export interface StudyChoices {
  readonly models: readonly string[];
  readonly noiseStds: readonly number[];
  /** The noise levels at which setups and precisions beyond the first are run. */
  readonly setupStds: readonly number[];
  readonly setups: readonly string[];
  readonly precisions: readonly string[];
  readonly seeds: readonly number[];
  /** Compared once at each noise level, on the test images of the first network. */
  readonly baselines: readonly string[];
  /** Test images of each run that its figures may show. */
  readonly pictures: number;
  /** JSON of a run config: what all runs share. */
  readonly base: Readonly<Record<string, unknown>>;
}

type Section = Readonly<Record<string, unknown>>;

/**
 * The runs of a study, those first that say most: one replica in float32 at every noise level, then setups, then mixed
 * precision, then further seeds. Fails as `parseRunConfig` and `assertSupported` do.
 */
export function studyRuns(choices: StudyChoices): BenchRun[] {
  const { models, noiseStds, setups, precisions, seeds, base } = choices;
  const runs: BenchRun[] = [];
  for (const seed of seeds)
    for (const precision of precisions)
      for (const setup of setups)
        for (const std of noiseStds)
          for (const model of models) {
            const main = setup === setups[0] && precision === precisions[0];
            if (!main && !choices.setupStds.includes(std)) continue;
            const config = unwrap(
              parseRunConfig({
                ...base,
                seed,
                model: { ...(base["model"] as Section | undefined), name: model },
                noise: { ...(base["noise"] as Section | undefined), std },
                engine: { ...(base["engine"] as Section | undefined), setup, precision },
                evaluation: {
                  ...(base["evaluation"] as Section | undefined),
                  baselines: main && seed === seeds[0] && model === models[0] ? choices.baselines : [],
                  exportImages: main && seed === seeds[0] ? choices.pictures : 0,
                },
              }),
            );
            assertSupported(config);
            runs.push({ folder: folderOf(config, seeds.length > 1), config });
          }
  return runs;
}

function folderOf(config: RunConfig, withSeed: boolean): string {
  const { kind, replicas } = setupOf(config);
  const setup = kind === "single" ? kind : `${kind}${replicas}`;
  const seed = withSeed ? `-seed${config.seed}` : "";
  return `${config.model.name}-std${config.noise.std}-${setup}-${config.engine.precision}${seed}`;
}
