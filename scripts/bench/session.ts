import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Failure, LabError } from "@/contracts/failure";
import type { BenchPlan } from "./options";

/** Where one run of a session stands. */
export interface RunState {
  readonly runId: string | null;
  /** Trained and tested; its methods may still have to be compared. */
  readonly trained?: boolean;
  readonly done: boolean;
  /** Wall time so far of training, validation, test and export, and of the methods; over several sessions. */
  readonly seconds?: { readonly training: number; readonly methods: number };
  /** Why it was given up for now in a sweep that goes on without it. */
  readonly failure?: Failure;
}

/** What a resumed benchmark needs to know; kept in `DIR/.resume` beside the browser profile until all runs are done. */
export interface SessionState {
  readonly version: 1;
  /** IndexedDB belongs to an origin, so a resumed session serves on the same port. */
  readonly port: number;
  readonly plan: BenchPlan;
  readonly datasetId: string | null;
  /** Content hash → file name, for `per-image.csv`. */
  readonly paths: Readonly<Record<string, string>>;
  readonly runs: readonly RunState[];
}

const folderOf = (out: string): string => join(out, ".resume");
const fileOf = (out: string): string => join(folderOf(out), "session.json");
export const profileOf = (out: string): string => join(folderOf(out), "profile");

/** A fresh output folder's session. Throws `bench/output` when the folder holds an earlier result or an unfinished run. */
export function createSession(plan: BenchPlan, port: number): SessionState {
  if (existsSync(fileOf(plan.out)))
    throw new LabError(
      "bench/output",
      `${plan.out} holds an interrupted run.`,
      "Continue it with --resume, or choose another --out.",
    );
  if (
    ["", ...plan.runs.map(({ folder }) => folder)].some((folder) =>
      existsSync(join(plan.out, folder, "result.json")),
    )
  )
    throw new LabError(
      "bench/output",
      `${plan.out} holds a result already.`,
      "Choose another --out, or remove it first.",
    );
  mkdirSync(folderOf(plan.out), { recursive: true });
  const runs = plan.runs.map(() => ({ runId: null, done: false }));
  const state: SessionState = { version: 1, port, plan, datasetId: null, paths: {}, runs };
  saveSession(state);
  return state;
}

/** Throws `bench/resume` when there is nothing to resume. */
export function loadSession(out: string): SessionState {
  try {
    return JSON.parse(readFileSync(fileOf(out), "utf8")) as SessionState;
  } catch (error) {
    throw new LabError(
      "bench/resume",
      `${out} holds no interrupted run.`,
      "Give the output folder of a run that was interrupted or failed.",
      { cause: error },
    );
  }
}

/** Written beside and renamed, so that an interruption never leaves half a file. */
export function saveSession(state: SessionState): void {
  const file = fileOf(state.plan.out);
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
}

/** Removes what only a resumed session needs, and the output folder when nothing else is in it. */
export function endSession(out: string): void {
  rmSync(folderOf(out), { recursive: true, force: true });
  if (existsSync(out) && readdirSync(out).length === 0) rmdirSync(out);
}
