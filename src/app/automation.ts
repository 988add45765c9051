import { exportRun } from "@/bridge/evaluation";
import { type ImportHandle, startImport, startPhantoms } from "@/bridge/importer";
import type { RunHandle } from "@/bridge/replica";
import { resumeRun, startRun } from "@/bridge/replica";
import type { Failure, Outcome } from "@/contracts/failure";
import type { RunConfig } from "@/contracts/runConfig";
import type { ProgressInfo, TrainingEvent, TrainingPhase } from "@/contracts/training";
import type { ImportProgress } from "@/contracts/workers";

/**
 * `window.denoiseLab`: what the screens do, for scripts. The headless benchmark drives the lab through it, over the same
 * bridge and workers as a person. Files come in through the hidden inputs, because only a file input may read from disk.
 */
export interface LabAutomation {
  /** Reads the files of `#automation-files` or `#automation-folder` into a dataset. */
  importImages(request: {
    readonly name: string;
    readonly size: number;
    readonly maxImages: number | null;
  }): Promise<Outcome<ImportSummary>>;
  makePhantoms(request: {
    readonly count: number;
    readonly size: number;
    readonly seed: number;
  }): Promise<Outcome<ImportSummary>>;
  /** Starts a run and returns its id; `status()` follows it. Weights come from `#automation-weights` when asked for. */
  startRun(request: {
    readonly name: string;
    readonly config: RunConfig;
    readonly fromWeights: boolean;
  }): Promise<string>;
  resumeRun(runId: string): void;
  /** Finishes the step, writes a checkpoint, waits. */
  pause(): void;
  status(): AutomationStatus;
  /** Offers the run's files as one zip download. `paths`: content hash → file name. */
  exportRun(runId: string, paths: Readonly<Record<string, string>>): Promise<Outcome<null>>;
}

export interface ImportSummary {
  readonly datasetId: string;
  readonly images: number;
  readonly duplicates: number;
  readonly skipped: readonly { readonly path: string; readonly failure: Failure }[];
  readonly ended: Failure | null;
  readonly paths: Readonly<Record<string, string>>;
}

export interface AutomationStatus {
  readonly importing: ImportProgress | null;
  readonly phase: TrainingPhase | null;
  readonly note: string | null;
  readonly progress: ProgressInfo | null;
  readonly lastLoss: number | null;
  readonly validation: { readonly epoch: number; readonly loss: number; readonly psnrDb: number } | null;
  readonly checkpointStep: number;
  /** Set when the run has ended, well or not. */
  readonly outcome: Outcome<null> | null;
}

const IDLE: AutomationStatus = {
  importing: null,
  phase: null,
  note: null,
  progress: null,
  lastLoss: null,
  validation: null,
  checkpointStep: 0,
  outcome: null,
};

function fileInput(id: string, folder: boolean): HTMLInputElement {
  const input = document.createElement("input");
  input.type = "file";
  input.id = id;
  input.multiple = true;
  input.hidden = true;
  input.webkitdirectory = folder;
  document.body.append(input);
  return input;
}

/** Puts `denoiseLab` on the window. Called once by the composition root. */
export function installAutomation(): void {
  const files = fileInput("automation-files", false);
  const folder = fileInput("automation-folder", true);
  const weights = fileInput("automation-weights", false);
  let status = IDLE;
  let handle: RunHandle | null = null;

  const onEvent = (event: TrainingEvent): void => {
    switch (event.type) {
      case "phase":
        status = { ...status, phase: event.phase, note: event.note ?? null };
        break;
      case "steps":
        status = {
          ...status,
          progress: event.progress,
          lastLoss: event.steps.losses.at(-1) ?? status.lastLoss,
        };
        break;
      case "epoch": {
        const { epoch, validationLoss, validationPsnrDb } = event.epoch;
        status = { ...status, validation: { epoch, loss: validationLoss, psnrDb: validationPsnrDb } };
        break;
      }
      case "checkpoint":
        status = { ...status, checkpointStep: event.step };
        break;
      case "started":
        status = { ...status, note: `${event.started.engine}, ${event.started.parameters} parameters` };
        break;
      case "preview":
      case "finished":
      case "failed":
        break;
      default:
        event satisfies never;
    }
  };

  const follow = (started: RunHandle): void => {
    handle = started;
    started.done.then(
      (outcome) => {
        status = { ...status, outcome: outcome.ok ? { ok: true, value: null } : outcome };
      },
      (error: unknown) => {
        const failure: Failure = {
          code: "internal/unexpected",
          message: `${String(error)}.`,
          remedy: "Resume the run.",
        };
        status = { ...status, outcome: { ok: false, failure } };
      },
    );
  };

  const importing = async <T>(work: ImportHandle<T>): Promise<Outcome<T>> => {
    const outcome = await work.done;
    status = { ...status, importing: null };
    return outcome;
  };
  const onImport = (progress: ImportProgress): void => {
    status = { ...status, importing: progress };
  };

  const automation: LabAutomation = {
    async importImages({ name, size, maxImages }) {
      const chosen = [...(folder.files ?? []), ...(files.files ?? [])];
      const sources = chosen.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
      const outcome = await importing(
        startImport({ name, size, sources, patientCsv: null, resumeDatasetId: null, maxImages }, onImport),
      );
      if (!outcome.ok) return outcome;
      const { dataset, duplicates, skipped, ended, paths } = outcome.value;
      return {
        ok: true,
        value: {
          datasetId: dataset.id,
          images: dataset.imageCount,
          duplicates,
          skipped,
          ended,
          paths: Object.fromEntries(paths),
        },
      };
    },
    async makePhantoms(request) {
      const outcome = await importing(startPhantoms(request, onImport));
      if (!outcome.ok) return outcome;
      const { id, imageCount } = outcome.value;
      return {
        ok: true,
        value: { datasetId: id, images: imageCount, duplicates: 0, skipped: [], ended: null, paths: {} },
      };
    },
    async startRun({ name, config, fromWeights }) {
      const file = fromWeights ? weights.files?.[0] : undefined;
      const initialWeights = file ? new Uint8Array(await file.arrayBuffer()) : null;
      status = IDLE;
      const started = startRun({ name, config, initialWeights }, onEvent);
      follow(started);
      return started.runId;
    },
    resumeRun(runId) {
      status = IDLE;
      follow(resumeRun(runId, onEvent));
    },
    pause() {
      handle?.pause();
    },
    status: () => status,
    async exportRun(runId, paths) {
      const outcome = await exportRun(runId, new Map(Object.entries(paths)));
      if (!outcome.ok) return outcome;
      const address = URL.createObjectURL(outcome.value);
      const link = document.createElement("a");
      link.href = address;
      link.download = `${runId}.zip`;
      link.click();
      // The download has the blob once it has started; a minute is plenty.
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
      return { ok: true, value: null };
    },
  };
  window.denoiseLab = automation;
}

declare global {
  interface Window {
    denoiseLab?: LabAutomation;
  }
}
