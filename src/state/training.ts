import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import { startPhantoms } from "@/bridge/importer";
import { type RunHandle, resumeRun, startRun } from "@/bridge/replica";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";
import type { RunRecord } from "@/contracts/run";
import { phantomCount, type RunConfig } from "@/contracts/runConfig";
import type { TrainingEvent } from "@/contracts/training";
import { getPreview } from "@/storage/previews";
import { getRun, readCurve } from "@/storage/runs";
import { compareAfterTraining } from "./comparison";
import { LossCurve } from "./curve";
import { refreshDatasets } from "./datasets";
import { refreshModels } from "./models";
import { refreshRuns } from "./runs";
import { isLive, NO_TRAINING, reduceTraining, type TrainingState } from "./trainingReducer";

/** The run that this tab trains; it goes on whatever screen is shown. One at a time. */
export const trainingStore = createStore<TrainingState>(() => NO_TRAINING);

/** A part of the training state; re-renders only when that part changes. */
export function useTraining<T>(select: (state: TrainingState) => T): T {
  return useStore(trainingStore, select);
}

/** The losses of the run in `trainingStore`; `curveVersion` tells when they changed. */
export const liveCurve = new LossCurve();

let handle: RunHandle | null = null;
let cancelRendering: (() => void) | null = null;
/** Counts starts: what an earlier run still sends is dropped. */
let generation = 0;

/** Every change made here comes after what the worker has told before. */
function set(part: Partial<TrainingState>): void {
  tellNow();
  trainingStore.setState(part);
}
const live = (): boolean => isLive(trainingStore.getState().phase);

const BUSY: Failure = {
  code: "run/busy",
  message: "Another run is in progress in this tab.",
  remedy: "Stop it first; what it has learned is kept.",
};

function follow(started: RunHandle, mine: number): void {
  handle = started;
  const end = (outcome: Outcome<void>): void => {
    if (mine !== generation) return;
    handle = null;
    if (!outcome.ok) set({ phase: "failed", failure: outcome.failure, asked: null, ended: outcome });
    else {
      set({ ...(live() ? { phase: "stopped", asked: null } : {}), ended: outcome });
      // A run that was stopped is not compared unasked: BM3D may take hours.
      const { run, phase, result } = trainingStore.getState();
      const baselines = run?.config.evaluation.baselines ?? [];
      if (run && phase === "done" && result?.test && baselines.length > 0)
        compareAfterTraining(run.id, baselines);
    }
    void refreshRuns();
    void refreshModels();
  };
  started.done.then(end, (error: unknown) => end({ ok: false, failure: toFailure(error) }));
}

/** The worker may tell ten things a second; screens are told of five changes, and at once when a phase changes. */
const TELL_MS = 200;
let untold: TrainingState | null = null;
let telling: ReturnType<typeof setTimeout> | null = null;

const AT_ONCE: ReadonlySet<TrainingEvent["type"]> = new Set(["phase", "recovered", "failed", "finished"]);
/** Lists elsewhere show the run's status, best epoch and what befell it. */
const SHOWN_IN_LISTS: ReadonlySet<TrainingEvent["type"]> = new Set(["started", "epoch", "recovered"]);

function tellNow(): void {
  if (telling !== null) clearTimeout(telling);
  telling = null;
  if (untold) trainingStore.setState(untold, true);
  untold = null;
}

function listener(mine: number): (event: TrainingEvent) => void {
  return (event) => {
    if (mine !== generation) return;
    if (event.type === "steps") liveCurve.append(event.steps.firstStep, event.steps.losses);
    if (event.type === "recovered") liveCurve.withdraw(event.recovery.checkpointStep);
    untold = reduceTraining(untold ?? trainingStore.getState(), event);
    if (AT_ONCE.has(event.type)) tellNow();
    else telling ??= setTimeout(tellNow, TELL_MS);
    if (SHOWN_IN_LISTS.has(event.type)) void refreshRuns();
  };
}

/** Renders the phantoms that a config asks for; the worker finds them by their number, size and seed. */
async function renderPhantoms(config: RunConfig, count: number): Promise<Outcome<void>> {
  const work = startPhantoms({ count, size: config.data.size, seed: config.seed }, (progress) =>
    set({ rendering: progress }),
  );
  cancelRendering = () => work.cancel();
  const outcome = await work.done;
  cancelRendering = null;
  if (!outcome.ok) return outcome;
  void refreshDatasets();
  return { ok: true, value: undefined };
}

/** Starts a run; phantoms are rendered first where the config names them. Fails with `run/busy` while another is on. */
export async function startTraining(request: {
  readonly name: string;
  readonly config: RunConfig;
  /** A safetensors file to start from; absent: fresh weights. */
  readonly initialWeights?: Uint8Array<ArrayBuffer> | null;
}): Promise<Outcome<string>> {
  if (live()) return { ok: false, failure: BUSY };
  const mine = ++generation;
  liveCurve.clear();
  const { name, config } = request;
  set({ ...NO_TRAINING, run: { id: "", name, config }, phase: "rendering" });
  const count = phantomCount(config.data.source);
  const ready: Outcome<void> =
    count === null ? { ok: true, value: undefined } : await renderPhantoms(config, count);
  if (mine !== generation) return { ok: false, failure: BUSY };
  // Stopped before there was a run: nothing is left of it, whatever the renderer says of being cancelled.
  if (trainingStore.getState().asked === "stop") {
    set(NO_TRAINING);
    return { ok: true, value: "" };
  }
  if (!ready.ok) {
    set({ phase: "failed", failure: ready.failure, asked: null, ended: ready });
    return ready;
  }
  const initialWeights = request.initialWeights ?? null;
  const started = startRun({ name, config, initialWeights }, listener(mine));
  set({ run: { id: started.runId, name, config }, phase: "preparing", rendering: null });
  follow(started, mine);
  return { ok: true, value: started.runId };
}

/** Continues a stored run from its last checkpoint, with what it had shown before. */
export async function resumeTraining(runId: string): Promise<Outcome<void>> {
  if (live()) return { ok: false, failure: BUSY };
  const mine = ++generation;
  liveCurve.clear();
  let run: RunRecord;
  try {
    const [record, curve, preview] = await Promise.all([getRun(runId), readCurve(runId), getPreview(runId)]);
    if (mine !== generation) return { ok: false, failure: BUSY };
    run = record;
    liveCurve.append(1, curve.losses);
    set({
      ...NO_TRAINING,
      run: { id: runId, name: record.name, config: record.config },
      phase: "preparing",
      epochs: record.epochs.filter((epoch) => epoch.step <= record.checkpointStep),
      preview,
      checkpointStep: record.checkpointStep,
      recoveries: record.recoveries,
      curveVersion: 1,
    });
  } catch (error) {
    return { ok: false, failure: toFailure(error) };
  }
  follow(resumeRun(run, listener(mine)), mine);
  return { ok: true, value: undefined };
}

/** Finishes the step, writes a checkpoint, waits. */
export function pauseTraining(): void {
  if (!handle) return;
  set({ asked: "pause" });
  handle.pause();
}

export function continueTraining(): void {
  if (!handle) return;
  set({ asked: "continue" });
  handle.continue();
}

/** Finishes the step, keeps the weights, tests them and ends the run. */
export function stopTraining(): void {
  set({ asked: "stop" });
  cancelRendering?.();
  handle?.stop();
}
