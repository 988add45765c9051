import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ENGINES, type RunConfig } from "@/contracts/runConfig";
import { parseResultJson } from "@/evaluation/resultJson";
import type { Decorate } from "../bench/lab";
import type { RunClock } from "../bench/oneRun";
import { duration } from "../bench/progress";
import type { SessionState } from "../bench/session";
import { secondsLeft } from "./timeLeft";

/** The study's place and time left, in front of what the run itself says. */
export function studyDecoration({ plan, runs }: SessionState, index: number, clock: RunClock): Decorate {
  const timed = plan.runs.map(({ config }, i) => ({
    config,
    seconds: runs[i]?.done ? (runs[i]?.seconds ?? null) : null,
  }));
  return (line, { comparing, progress }) => {
    const ownLeft =
      clock.stage === "methods" ? (comparing?.secondsLeft ?? null) : (progress?.secondsLeft ?? null);
    const { stage, training } = clock;
    const left = secondsLeft(timed, { index, stage, elapsed: clock.elapsed(), ownLeft, training });
    const study = left === null ? "" : `, study about ${duration(left)} left`;
    return `run ${index + 1}/${plan.runs.length} ${plan.runs[index]?.folder}${study}: ${line}`;
  };
}

/** `auto` is decided by the first run that is done, so that all seconds are of one engine. Mixed precision chooses for itself. */
export async function studyEngine({ plan, runs }: SessionState, config: RunConfig): Promise<RunConfig> {
  if (plan.sweep !== "study" || config.engine.name !== "auto" || config.engine.precision !== "f32")
    return config;
  const first = plan.runs.find((run, i) => runs[i]?.done && run.config.engine.precision === "f32");
  if (!first) return config;
  const { result } = parseResultJson(await readFile(join(plan.out, first.folder, "result.json"), "utf8"));
  const name = ENGINES.find((engine) => engine === result.engine.name);
  return name === undefined ? config : { ...config, engine: { ...config.engine, name } };
}
