import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError, unwrap } from "@/contracts/failure";
import type { RunConfig } from "@/contracts/runConfig";
import type { LabPage } from "./browser";
import { call, type Decorate, type DriveOptions, following, Interrupted, POLL_MS, untilEnd } from "./lab";
import { addNetwork, unpack } from "./output";
import { type RunState, type SessionState, saveSession } from "./session";

/** A step at the largest sizes on a software adapter may take a minute; the checkpoint follows it. */
const PAUSE_LIMIT_MS = 180_000;

/** The run in work, for whoever tells the time left. */
export interface RunClock {
  readonly stage: "training" | "methods";
  /** Seconds of this stage so far, those of earlier sessions included. */
  elapsed(): number;
  /** Seconds that training took, once the methods are at work. */
  readonly training: number | null;
}

/** Carries run `index` of a session from where it stands to its files. The session is saved at every stage. */
export async function oneRun(
  lab: LabPage,
  session: SessionState,
  index: number,
  planned: RunConfig,
  options: DriveOptions,
  decorateWith: (clock: RunClock) => Decorate,
): Promise<SessionState> {
  const { plan } = session;
  const folder = join(plan.out, plan.runs[index]?.folder ?? "");
  const before = session.runs[index]?.seconds ?? { training: 0, methods: 0 };
  const seconds = { ...before };
  const stopwatch = (stage: RunClock["stage"]): RunClock => {
    const start = performance.now() - 1000 * before[stage];
    const training = stage === "methods" ? seconds.training : null;
    return { stage, elapsed: () => (performance.now() - start) / 1000, training };
  };
  const record = (run: Pick<RunState, "runId" | "done"> & { readonly trained: boolean }): SessionState => {
    const runs = session.runs.map((other, i) => (i === index ? { ...run, seconds: { ...seconds } } : other));
    const state = { ...session, runs };
    saveSession(state);
    return state;
  };

  let runId = session.runs[index]?.runId ?? null;
  const trained = session.runs[index]?.trained ?? false;
  if (!trained) {
    const clock = stopwatch("training");
    const onLost = (): void => {
      runId = null;
    };
    try {
      if (runId === null) {
        runId = await start(lab, session, folder, planned);
        record({ runId, trained: false, done: false });
      } else unwrap(await call(lab, "resumeRun", runId));
      await train(lab, session, runId, folder, options, decorateWith(clock), onLost);
    } finally {
      seconds.training = clock.elapsed();
      record({ runId, trained: false, done: false });
    }
    record({ runId, trained: true, done: false });
  }
  if (runId === null) throw new Error("A trained run has no id.");

  const { baselines } = planned.evaluation;
  if (baselines.length > 0) {
    const clock = stopwatch("methods");
    const work = call(lab, "compareMethods", runId, baselines).then(unwrap);
    try {
      await following(lab, work, options, decorateWith(clock));
    } catch (error) {
      // What was trained is not lost; the methods are compared again with --resume.
      options.onResult(await save(lab, runId, session.paths, folder));
      throw error;
    } finally {
      seconds.methods = clock.elapsed();
      record({ runId, trained: true, done: false });
    }
  }
  const path = await save(lab, runId, session.paths, folder);
  const state = record({ runId, trained: true, done: true });
  options.onResult(path);
  // Weights and checkpoints of a sweep's runs would fill the disk; its files are in their folder now.
  if (plan.runs.length > 1) unwrap(await call(lab, "deleteRun", runId));
  return state;
}

async function start(
  lab: LabPage,
  { plan, datasetId }: SessionState,
  folder: string,
  planned: RunConfig,
): Promise<string> {
  const source = plan.data.kind === "phantom" ? `phantom:${plan.data.count}` : `dataset:${datasetId}`;
  const config: RunConfig = { ...planned, data: { ...planned.data, source } };
  if (plan.weights !== null) await lab.page.setInputFiles("#automation-weights", plan.weights);
  return unwrap(
    await call(lab, "startRun", { name: basename(folder), config, fromWeights: plan.weights !== null }),
  );
}

/** Follows a run to its end; one that fails or is interrupted leaves what it has in `folder`, or was never stored (`onLost`). */
async function train(
  lab: LabPage,
  session: SessionState,
  runId: string,
  folder: string,
  options: DriveOptions,
  decorate: Decorate,
  onLost: () => void,
): Promise<void> {
  const outcome = await untilEnd(lab, options, decorate).catch(async (error: unknown) => {
    if (error instanceof Interrupted) await pauseAndKeep(lab, session, runId, folder, options);
    throw error;
  });
  // Interrupted between its last step and the pause, it came to its end, and there is nothing to resume.
  if (!outcome.ok && outcome.failure.code !== "run/complete") {
    const { code, message, remedy } = outcome.failure;
    const failed = new LabError(code, message, remedy);
    // A run that could not begin is not stored: then there is nothing to save, and the reason is what counts.
    await save(lab, runId, session.paths, folder).then(options.onResult, onLost);
    throw failed;
  }
}

/** After Ctrl+C: the step in progress ends, a checkpoint is written, and the partial result is saved. */
async function pauseAndKeep(
  lab: LabPage,
  session: SessionState,
  runId: string,
  folder: string,
  options: DriveOptions,
): Promise<void> {
  console.error("Interrupted: writing a checkpoint…");
  await lab.page.evaluate(() => window.denoiseLab?.pause());
  const deadline = performance.now() + PAUSE_LIMIT_MS;
  for (;;) {
    const { phase, outcome } = await lab.status();
    if (phase === "paused" || outcome) break;
    if (performance.now() > deadline) {
      console.error("No checkpoint in three minutes; the last one stays.");
      break;
    }
    await sleep(POLL_MS);
  }
  options.onResult(await save(lab, runId, session.paths, folder));
}

/** Exports the run as the app does, unpacks it, adds what the driver counted. */
async function save(
  lab: LabPage,
  runId: string,
  paths: SessionState["paths"],
  folder: string,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const zip = join(folder, ".export.zip");
  const download = lab.page.waitForEvent("download", { timeout: 600_000 });
  // Without an export there is no download to wait for.
  download.catch(() => undefined);
  unwrap(await call(lab, "exportRun", runId, paths));
  await (await download).saveAs(zip);
  await unpack(zip, folder);
  await rm(zip);
  if (!existsSync(join(folder, "result.json"))) throw new Error("The export holds no result.json.");
  return addNetwork(folder, lab.externalRequests());
}
