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
  /** Seconds that its training took, once its methods are at work. */
  readonly training: number | null;
}

/**
 * Seconds until a sweep is done, or null while nothing is known. A run's time is taken from runs of its class, else from its
 * operations and the rate so far; methods' from those compared so far. The run in work counts among both as soon as it knows
 * its end.
 */
export function secondsLeft(runs: readonly TimedRun[], current: CurrentRun): number | null {
  const { index: at, stage, elapsed, ownLeft } = current;
  const ownEnd = ownLeft === null ? null : elapsed + ownLeft;
  const trained: { readonly config: RunConfig; readonly seconds: number }[] = [];
  const compared: number[] = [];
  for (const [index, { config, seconds }] of runs.entries()) {
    const training = index === at ? (stage === "training" ? ownEnd : current.training) : seconds?.training;
    const methods = index === at ? (stage === "methods" ? ownEnd : null) : seconds?.methods;
    if (typeof training === "number") trained.push({ config, seconds: training });
    if (typeof methods === "number" && config.evaluation.baselines.length > 0) compared.push(methods);
  }
  if (trained.length === 0) return null;
  const rate = mean(trained.map(({ config, seconds }) => seconds / workOf(config)));
  const trainingOf = (config: RunConfig): number => {
    const alike = trained.filter((run) => classOf(run.config) === classOf(config));
    return alike.length > 0 ? mean(alike.map(({ seconds }) => seconds)) : rate * workOf(config);
  };
  const methodsOf = ({ evaluation }: RunConfig): number =>
    evaluation.baselines.length > 0 && compared.length > 0 ? mean(compared) : 0;
  const stageLeft = (usual: number): number => ownLeft ?? Math.max(0, usual - elapsed);
  let left = 0;
  for (const [index, { config, seconds }] of runs.entries()) {
    if (index === at)
      left +=
        stage === "methods"
          ? stageLeft(methodsOf(config))
          : stageLeft(trainingOf(config)) + methodsOf(config);
    else if (seconds === null) left += trainingOf(config) + methodsOf(config);
  }
  return left;
}
