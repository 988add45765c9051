import { statSync } from "node:fs";
import { basename } from "node:path";
import { LabError, toFailure, unwrap } from "@/contracts/failure";
import { buildIfStale, serve } from "../serve.mjs";
import { writeStudyReport } from "../study/report";
import { studyDecoration, studyEngine } from "../study/sweep";
import { type LabPage, openLab } from "./browser";
import { call, type Decorate, type DriveOptions, following, Interrupted, isBadInput } from "./lab";
import { oneRun, type RunClock } from "./oneRun";
import type { BenchRun } from "./options";
import { endSession, loadSession, profileOf, type SessionState, saveSession } from "./session";
import { writeSetups } from "./setups";

const undecorated: Decorate = (line) => line;

/** Carries a session to its end: dataset, then every run that is not done, then the files. */
export async function drive(session: SessionState, options: DriveOptions): Promise<void> {
  await buildIfStale();
  const { plan } = session;
  const server = await serveOn(session.port);
  let lab: LabPage | null = null;
  const open = () => openLab({ url: server.url, profile: profileOf(plan.out), ...options });
  let state = session;
  try {
    lab = await open();
    await loadLpips(lab, state);
    await loadDncnn(lab, state);
    state = await loadImages(lab, state, options);
    for (const [index, run] of plan.runs.entries()) {
      if (state.runs[index]?.done) continue;
      lab ??= await open();
      const decorateWith = decorationOf(state, index);
      try {
        state = await oneRun(lab, state, index, await studyEngine(state, run.config), options, decorateWith);
      } catch (error) {
        // A study is worth its other runs, unless its options or data let none begin; anything else ends with its first failure.
        const hopeless = isBadInput(error) && !state.runs.some(({ done }) => done);
        if (plan.sweep !== "study" || error instanceof Interrupted || hopeless) throw error;
        state = giveUp(index, loadSession(plan.out), error);
        // Whatever made it fail shall not reach the next run.
        await lab.close().catch(() => undefined);
        lab = null;
      }
      if (plan.sweep === "study") await tellReport(state, options);
    }
  } finally {
    await lab?.close();
    await server.close();
  }
  if (plan.sweep === "setups") await writeSetups(session);
  const failed = state.runs.filter(({ done }) => !done).length;
  if (failed > 0)
    throw new LabError(
      "bench/incomplete",
      `${failed} of ${plan.runs.length} runs failed; the report says which and why.`,
      "Mend the cause and resume: only these runs are made again.",
    );
  endSession(plan.out);
}

async function tellReport(state: SessionState, { onResult }: DriveOptions): Promise<void> {
  const path = await writeStudyReport(state, Date.now());
  if (path !== null) onResult(path);
}

function decorationOf(state: SessionState, index: number): (clock: RunClock) => Decorate {
  if (state.plan.sweep !== "study") return () => undecorated;
  return (clock) => studyDecoration(state, index, clock);
}

/** Notes why a run of a study failed; the others go on. */
function giveUp(index: number, state: SessionState, error: unknown): SessionState {
  const failure = error instanceof LabError ? error.failure : toFailure(error);
  console.error(
    `${state.plan.runs[index]?.folder}: ${failure.code}: ${failure.message} ${failure.remedy} The study goes on without it.`,
  );
  const runs = state.runs.map((run, i) => (i === index ? { ...run, failure } : run));
  const noted = { ...state, runs };
  saveSession(noted);
  return noted;
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

/** Stores LPIPS weights, once a session: they stay in its profile. */
async function loadLpips(lab: LabPage, { plan, runs }: SessionState): Promise<void> {
  if (plan.lpips === null || runs.some(({ runId }) => runId !== null)) return;
  await lab.page.setInputFiles("#automation-lpips", plan.lpips);
  unwrap(await call(lab, "loadLpips"));
}

/** Stores the weights of the method dncnn, once a session, likewise. */
async function loadDncnn(lab: LabPage, { plan, runs }: SessionState): Promise<void> {
  if (!plan.dncnn || runs.some(({ runId }) => runId !== null)) return;
  await lab.page.setInputFiles("#automation-dncnn", plan.dncnn);
  unwrap(await call(lab, "loadDncnn"));
}

/** Imports the files, once a session. Phantoms are rendered by the run itself. */
async function loadImages(lab: LabPage, session: SessionState, options: DriveOptions): Promise<SessionState> {
  const { data, runs } = session.plan;
  if (data.kind === "phantom" || session.datasetId !== null) return session;
  const { size, maxImages } = (runs[0] as BenchRun).config.data;
  const input = statSync(data.path).isDirectory() ? "#automation-folder" : "#automation-files";
  await lab.page.setInputFiles(input, data.path, { timeout: 600_000 });
  const name = basename(data.path);
  const work = call(lab, "importImages", { name, size, maxImages });
  const summary = unwrap(await following(lab, work, options, undecorated));
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
