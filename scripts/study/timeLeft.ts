import type { RunConfig } from "@/contracts/runConfig";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";

/** A run of a sweep: what it is, and how long it took if it is done. */
export interface TimedRun {
  readonly config: RunConfig;
  /** Wall time of training, validation, test and export, and of its methods; null while it is not done. */
  readonly seconds: { readonly training: number; readonly methods: number } | null;
}

/** One of a class's runs takes as long as another: same network, setup and precision (noise and seed change nothing). */
const classOf = ({ model, engine }: RunConfig): string =>
  `${model.name} ${model.width} ${engine.setup} ${engine.precision}`;

/** Work in forward operations of one image: only ratios count. */
function workOf({ model, data, training }: RunConfig): number {
  return forwardFlops(buildGraph(model), data.size, data.size) * training.epochs;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The run in work. */
export interface CurrentRun {
  readonly index: number;
  readonly stage: "training" | "methods";
  /** Seconds of this stage so far, and left by its own account (null: it cannot tell yet). */
  readonly elapsed: number;
  readonly ownLeft: number | null;
}

/**
 * Seconds until a sweep is done, or null while nothing is known. A run's time is taken from runs of its class, else from its
 * operations and the rate so far; methods' from those compared so far.
 */
export function secondsLeft(runs: readonly TimedRun[], current: CurrentRun): number | null {
  const done = runs.filter((run) => run.seconds !== null);
  const trained = (run: TimedRun): number => run.seconds?.training ?? 0;
  const here = runs[current.index];
  // The run in work is evidence too, once it knows its end.
  const hereSeconds =
    current.ownLeft === null || current.stage === "methods" ? null : current.elapsed + current.ownLeft;
  const known = done.map((run) => ({ config: run.config, training: trained(run) }));
  if (here && here.seconds === null && hereSeconds !== null)
    known.push({ config: here.config, training: hereSeconds });
  if (known.length === 0) return null;
  const rate = mean(known.map(({ config, training }) => training / workOf(config)));
  const expected = (config: RunConfig): number => {
    const alike = known.filter((run) => classOf(run.config) === classOf(config));
    return alike.length > 0 ? mean(alike.map(({ training }) => training)) : rate * workOf(config);
  };
  const compared = done.filter((run) => run.config.evaluation.baselines.length > 0);
  const methods = compared.length > 0 ? mean(compared.map((run) => run.seconds?.methods ?? 0)) : 0;
  const stageLeft = (usual: number): number => current.ownLeft ?? Math.max(0, usual - current.elapsed);
  let left = 0;
  for (const [index, run] of runs.entries()) {
    if (run.seconds !== null) continue;
    const comparing = run.config.evaluation.baselines.length > 0 ? methods : 0;
    if (index !== current.index) left += expected(run.config) + comparing;
    else if (current.stage === "methods") left += stageLeft(comparing);
    else left += stageLeft(expected(run.config)) + comparing;
  }
  return left;
}
