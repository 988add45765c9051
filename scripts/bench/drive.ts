import { existsSync, statSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AutomationStatus, LabAutomation } from "@/app/automation";
import { LabError, unwrap } from "@/contracts/failure";
import type { RunConfig } from "@/contracts/runConfig";
import { parseResultJson } from "@/evaluation/resultJson";
import { setupsMarkdown } from "@/evaluation/study/setupsMarkdown";
import { buildIfStale, serve } from "../serve.mjs";
import { type LabPage, openLab } from "./browser";
import type { BenchRun } from "./options";
import { addNetwork, unpack } from "./output";
import { ProgressPrinter, progressLine } from "./progress";
import { endSession, profileOf, type SessionState, saveSession } from "./session";

const POLL_MS = 500;
/** A step at the largest sizes on a software adapter may take a minute; the checkpoint follows it. */
const PAUSE_LIMIT_MS = 180_000;

/** Thrown to end in order after Ctrl+C. */
export class Interrupted extends Error {}

export interface DriveOptions {
  readonly browserArguments: readonly string[];
  readonly headed: boolean;
  readonly interrupted: () => boolean;
  /** Called with the path of each `result.json`. */
  readonly onResult: (path: string) => void;
}

/** A method of `window.denoiseLab`, called in the page. */
function call<
  K extends "importImages" | "loadLpips" | "startRun" | "resumeRun" | "compareMethods" | "exportRun",
>(lab: LabPage, method: K, ...args: Parameters<LabAutomation[K]>): ReturnType<LabAutomation[K]> {
  return lab.page.evaluate(
    ({ method, args }) => {
      const automation = window.denoiseLab as unknown as Record<string, (...args: unknown[]) => unknown>;
      return (automation[method] as (...args: unknown[]) => unknown)(...args);
    },
    { method, args },
  ) as ReturnType<LabAutomation[K]>;
}

/** Carries a session to its end: dataset, then every run that is not done, then the files. */
export async function drive(session: SessionState, options: DriveOptions): Promise<void> {
  await buildIfStale();
  const server = await serveOn(session.port);
  const lab = await openLab({ url: server.url, profile: profileOf(session.plan.out), ...options }).catch(
    async (error: unknown) => {
      await server.close();
      throw error;
    },
  );
  try {
    await loadLpips(lab, session);
    let state = await loadImages(lab, session, options);
    for (const [index, run] of session.plan.runs.entries()) {
      if (state.runs[index]?.done) continue;
      state = await oneRun(lab, state, index, run.config, options);
    }
  } finally {
    await lab.close();
    await server.close();
  }
  if (session.plan.sweep === "setups") await writeSetups(session);
  endSession(session.plan.out);
}

/** `setups.md` of a sweep: all its results beside each other and the study's. */
async function writeSetups({ plan }: SessionState): Promise<void> {
  const runs = await Promise.all(
    plan.runs.map(async ({ folder }, place) => {
      const file = join(plan.out, folder, "result.json");
      const { identity, result } = parseResultJson(await readFile(file, "utf8"));
      // In the order of the sweep where a file does not say when it was made.
      return { id: folder, name: folder, createdAt: place, ...identity, result, perImage: null };
    }),
  );
  await writeFile(join(plan.out, "setups.md"), setupsMarkdown(runs, Date.now()));
}

async function serveOn(port: number) {
  try {
    return await serve({ port, strict: true });
  } catch (error) {
    throw new LabError("bench/port", `Port ${port} is taken.`, "Stop what uses it and run again.", {
      cause: error,
    });
  }
}

/** Waits for `work` while it prints progress. */
async function following<T>(lab: LabPage, work: Promise<T>, options: DriveOptions): Promise<T> {
  const printer = new ProgressPrinter();
  let running = true;
  const finished = work.finally(() => {
    running = false;
  });
  // The caller sees a rejection through `finished`; here it only ends the loop.
  finished.catch(() => undefined);
  while (running) {
    if (options.interrupted()) throw new Interrupted();
    printer.show(progressLine(await lab.status()));
    await Promise.race([finished.catch(() => undefined), sleep(POLL_MS)]);
  }
  printer.end();
  return finished;
}

/** Stores LPIPS weights, once a session: they stay in its profile. */
async function loadLpips(lab: LabPage, { plan, runs }: SessionState): Promise<void> {
  if (plan.lpips === null || runs.some(({ runId }) => runId !== null)) return;
  await lab.page.setInputFiles("#automation-lpips", plan.lpips);
  unwrap(await call(lab, "loadLpips"));
}

/** Imports the files, once a session. Phantoms are rendered by the run itself. */
async function loadImages(lab: LabPage, session: SessionState, options: DriveOptions): Promise<SessionState> {
  const { data, runs } = session.plan;
  if (data.kind === "phantom" || session.datasetId !== null) return session;
  const { size, maxImages } = (runs[0] as BenchRun).config.data;
  const input = statSync(data.path).isDirectory() ? "#automation-folder" : "#automation-files";
  await lab.page.setInputFiles(input, data.path, { timeout: 600_000 });
  const name = basename(data.path);
  const summary = unwrap(await following(lab, call(lab, "importImages", { name, size, maxImages }), options));
  for (const { path, failure } of summary.skipped)
    console.error(`skipped ${path}: ${failure.message} ${failure.remedy}`);
  if (summary.ended) throw new LabError(summary.ended.code, summary.ended.message, summary.ended.remedy);
  console.error(
    `images: ${summary.images} stored, ${summary.duplicates} duplicates, ${summary.skipped.length} skipped`,
  );
  // A browser puts the chosen folder's name in front; a file is named by its path inside the folder.
  const inside = (file: string): string => (file.startsWith(`${name}/`) ? file.slice(name.length + 1) : file);
  const paths = Object.fromEntries(Object.entries(summary.paths).map(([hash, file]) => [hash, inside(file)]));
  const state = { ...session, datasetId: summary.datasetId, paths };
  saveSession(state);
  return state;
}

async function oneRun(
  lab: LabPage,
  session: SessionState,
  index: number,
  planned: RunConfig,
  options: DriveOptions,
): Promise<SessionState> {
  const { plan } = session;
  const folder = join(plan.out, plan.runs[index]?.folder ?? "");
  const record = (runId: string, trained: boolean, done: boolean): SessionState => {
    const runs = session.runs.map((run, i) => (i === index ? { runId, trained, done } : run));
    const state = { ...session, runs };
    saveSession(state);
    return state;
  };
  let runId = session.runs[index]?.runId ?? null;
  if (runId === null) {
    const source =
      plan.data.kind === "phantom" ? `phantom:${plan.data.count}` : `dataset:${session.datasetId}`;
    const config: RunConfig = { ...planned, data: { ...planned.data, source } };
    if (plan.weights !== null) await lab.page.setInputFiles("#automation-weights", plan.weights);
    runId = unwrap(
      await call(lab, "startRun", {
        name: basename(folder),
        config,
        fromWeights: plan.weights !== null,
      }),
    );
    record(runId, false, false);
  } else if (!session.runs[index]?.trained) {
    unwrap(await call(lab, "resumeRun", runId));
  }
  if (!session.runs[index]?.trained) await train(lab, session, runId, folder, options);
  record(runId, true, false);
  const { baselines } = planned.evaluation;
  if (baselines.length > 0) {
    const work = call(lab, "compareMethods", runId, baselines).then(unwrap);
    await following(lab, work, options).catch(async (error: unknown) => {
      // What was trained is not lost; the methods are compared again with --resume.
      options.onResult(await save(lab, runId, session.paths, folder));
      throw error;
    });
  }
  const path = await save(lab, runId, session.paths, folder);
  const state = record(runId, true, true);
  options.onResult(path);
  return state;
}

/** Follows a run to its end; one that fails or is interrupted leaves what it has in `folder`. */
async function train(
  lab: LabPage,
  session: SessionState,
  runId: string,
  folder: string,
  options: DriveOptions,
): Promise<void> {
  const outcome = await untilEnd(lab, options).catch(async (error: unknown) => {
    if (error instanceof Interrupted) await pauseAndKeep(lab, session, runId, folder, options);
    throw error;
  });
  if (!outcome.ok) {
    const { code, message, remedy } = outcome.failure;
    const failed = new LabError(code, message, remedy);
    // A run that could not begin is not stored: then there is nothing to save, and the reason is what counts.
    await save(lab, runId, session.paths, folder).then(options.onResult, () => undefined);
    throw failed;
  }
}

async function untilEnd(
  lab: LabPage,
  options: DriveOptions,
): Promise<NonNullable<AutomationStatus["outcome"]>> {
  const printer = new ProgressPrinter();
  for (;;) {
    if (options.interrupted()) throw new Interrupted();
    const status = await lab.status();
    printer.show(progressLine(status));
    if (status.outcome) {
      printer.end();
      return status.outcome;
    }
    await sleep(POLL_MS);
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
