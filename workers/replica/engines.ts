import { LabError } from "@/contracts/failure";
import type { RunConfig } from "@/contracts/runConfig";
import type { LeaderLinks } from "@/contracts/workers";
import type { ChooseOptions, EngineChoice } from "@/engine/chooseEngine";
import type { Engine, ExecutorOptions } from "@/engine/executor";
import type { RunControl } from "@/training/control";
import type { EventBatcher } from "@/training/events";
import { tuningFor } from "../tuning";

/** What a session works with besides the stored data; tests bring their own engines, clock and patience. */
export interface SessionContext {
  readonly engines: {
    /** Null for a name that this version does not know. */
    get(name: string): Engine | null;
    /** Times what can run here and takes the fastest. */
    choose(options: ChooseOptions): Promise<EngineChoice>;
  };
  readonly events: EventBatcher;
  readonly control: RunControl;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** To the other replicas of a run with several; null for one. */
  readonly links: LeaderLinks | null;
  /** Resolves after that many milliseconds, or as soon as the signal is aborted. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The engine that a config names; `auto` measures. Fails with `engine/unavailable`, and `run/cancelled` when stopped meanwhile. */
export async function pickEngine(
  config: RunConfig,
  executorOptions: ExecutorOptions,
  { engines, events, control }: SessionContext,
): Promise<EngineChoice> {
  const { name, precision } = config.engine;
  if (name !== "auto")
    return { engine: await availableEngine(name, engines, "Choose another engine, or auto."), timingsMs: {} };
  if (precision === "mixed")
    return { engine: await availableEngine("webgpu", engines, "Use precision f32."), timingsMs: {} };
  const onNote = (note: string): void => {
    events.emit({ type: "phase", phase: "choosing-engine", note });
    events.flush();
  };
  onNote("Looking at what this machine offers");
  return engines.choose({
    executorOptions,
    batchSize: config.training.batchSize,
    onNote,
    signal: control.signal,
  });
}

/** How the run's kernels are computed: the tuner's choices, or none where the engine has no tuner. */
export async function tuningOfRun(
  engine: Engine,
  options: ExecutorOptions,
  { training }: RunConfig,
  { events, control }: SessionContext,
): Promise<Record<string, string>> {
  return tuningFor(engine, options, training.batchSize, control.signal, (note) => {
    events.emit({ type: "phase", phase: "choosing-engine", note });
    events.flush();
  });
}

/** The engine of a checkpoint: another one would go on with other numbers, so there is no other choice. */
export function engineToContinueOn(name: string, { engines }: SessionContext): Promise<Engine> {
  return availableEngine(
    name,
    engines,
    `This run can only go on with ${name}, which it began with: resume it where that works, or start a new run from its weights.`,
  );
}

async function availableEngine(
  name: string,
  engines: SessionContext["engines"],
  remedy: string,
): Promise<Engine> {
  const engine = engines.get(name);
  const reason = engine ? await engine.unavailable() : "This version of the lab does not have it.";
  if (engine && reason === null) return engine;
  throw new LabError("engine/unavailable", `Engine ${name} cannot run here: ${reason}`, remedy);
}
