import type { DeviceBytes } from "./deviceBytes";

/** One engine's figures; where it failed, those until then. */
export interface Contender {
  readonly name: string;
  /** Why it takes no part in the comparison; null when it does. */
  readonly failure: string | null;
  /** Making it and its first run, compilation included. */
  readonly firstMs: number;
  /** By round. */
  readonly ms: readonly number[];
  /** What its warm-up runs gave: the losses of its first two steps; of inference nothing of use. */
  readonly results: readonly number[];
  /** Highest live GPU buffer bytes; null where it uses no GPU. */
  readonly peakBytes: number | null;
}

/** One engine made ready; `run` does the work once. */
export interface Runner {
  run(): Promise<number>;
  dispose(): Promise<void>;
}

export interface Candidate {
  readonly name: string;
  readonly usesGpu: boolean;
  make(): Promise<Runner>;
}

/** Runs of each engine before its rounds: the first one compiles. */
export const WARM_UP_RUNS = 2;

interface Live {
  readonly candidate: Candidate;
  readonly runner: Runner | null;
  failure: string | null;
  readonly firstMs: number;
  readonly ms: number[];
  readonly results: number[];
}

const reason = (error: unknown): string =>
  (error instanceof Error ? error.message || error.name : String(error)).split("\n")[0] ?? "";

/**
 * Times engines in turn, one run each a round, so that what else the machine does falls on all of them; who begins
 * changes from round to round. One that throws is left out from there on. `meanwhile` runs at the end, while all are live.
 */
export async function alternate(
  candidates: readonly Candidate[],
  rounds: number,
  bytes: DeviceBytes,
  progress: (line: string) => void,
  meanwhile: (name: string, runner: Runner) => Promise<void> = async () => undefined,
): Promise<Contender[]> {
  const live: Live[] = [];
  for (const candidate of candidates) {
    const { name } = candidate;
    const start = performance.now();
    const results: number[] = [];
    let runner: Runner | null = null;
    let failure: string | null = null;
    let firstMs = Number.NaN;
    try {
      runner = await bytes.during(name, () => candidate.make());
      for (let i = 0; i < WARM_UP_RUNS; i++) {
        results.push(await bytes.during(name, runner.run));
        if (i === 0) firstMs = performance.now() - start;
      }
      progress(`${name}: ready after ${((performance.now() - start) / 1000).toFixed(1)} s`);
    } catch (error) {
      failure = reason(error);
      progress(`${name}: ${failure}`);
    }
    live.push({ candidate, runner, failure, firstMs, ms: [], results });
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < live.length; turn++) {
      const entry = live[(round + turn) % live.length];
      if (!entry?.runner || entry.failure !== null) continue;
      try {
        const start = performance.now();
        await bytes.during(entry.candidate.name, entry.runner.run);
        entry.ms.push(performance.now() - start);
      } catch (error) {
        entry.failure = `round ${round + 1}: ${reason(error)}`;
      }
    }
    progress(`round ${round + 1} of ${rounds}`);
  }
  for (const { candidate, runner, failure } of live)
    if (runner && failure === null) await meanwhile(candidate.name, runner);
  const contenders = live.map(({ candidate: { name, usesGpu }, failure, firstMs, ms, results }) => ({
    name,
    failure,
    firstMs,
    ms,
    results,
    peakBytes: usesGpu ? bytes.peakOf(name) : null,
  }));
  for (const { runner } of live) await runner?.dispose().catch(() => undefined);
  return contenders;
}
