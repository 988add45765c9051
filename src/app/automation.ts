import { exportRun, importLpips, importModel } from "@/bridge/evaluation";
import { startImport } from "@/bridge/importer";
import type { Failure, Outcome } from "@/contracts/failure";
import type { ModelSummary } from "@/contracts/run";
import { NETWORK_TITLES, type RunConfig } from "@/contracts/runConfig";
import type { ProgressInfo } from "@/contracts/training";
import type { ComparisonProgress, ImportProgress } from "@/contracts/workers";
import { comparisonOf, comparisonStore } from "@/state/comparison";
import { deleteRun } from "@/state/runs";
import { liveCurve, pauseTraining, resumeTraining, startTraining, trainingStore } from "@/state/training";
import type { LivePhase } from "@/state/trainingReducer";
import { saveBlob } from "@/ui/saveBlob";

/**
 * `window.denoiseLab`: what the screens do, for scripts. The headless benchmark drives the lab through it, over the same
 * stores, bridge and workers as a person. Files come in through the hidden inputs, because only a file input may read
 * from disk.
 */
export interface LabAutomation {
  /** Reads the files of `#automation-files` or `#automation-folder` into a dataset. */
  importImages(request: {
    readonly name: string;
    readonly size: number;
    readonly maxImages: number | null;
  }): Promise<Outcome<ImportSummary>>;
  /** Starts a run and resolves to its id; `status()` follows it. Weights come from `#automation-weights` when asked for. */
  startRun(request: {
    readonly name: string;
    readonly config: RunConfig;
    readonly fromWeights: boolean;
  }): Promise<Outcome<string>>;
  /** Stores the LPIPS weights of `#automation-lpips`. */
  loadLpips(): Promise<Outcome<null>>;
  /** Stores the model of `#automation-dncnn`, which the method dncnn then uses. Fails with `weights/network` for another network. */
  loadDncnn(): Promise<Outcome<null>>;
  resumeRun(runId: string): Promise<Outcome<void>>;
  /** Finishes the step, writes a checkpoint, waits. */
  pause(): void;
  status(): AutomationStatus;
  /**
   * Runs these methods on the run's noisy test images; `status()` follows. A run whose config names them is compared when
   * it ends: this then only waits for it.
   */
  compareMethods(runId: string, names: readonly string[]): Promise<Outcome<void>>;
  /** Removes a run and its weights. */
  deleteRun(runId: string): Promise<Outcome<void>>;
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
  /** Images being imported, or phantoms being rendered. */
  readonly importing: ImportProgress | null;
  /** Methods being compared with a run's network. */
  readonly comparing: ComparisonProgress | null;
  readonly phase: LivePhase | null;
  readonly note: string | null;
  readonly progress: ProgressInfo | null;
  readonly lastLoss: number | null;
  readonly validation: { readonly epoch: number; readonly loss: number; readonly psnrDb: number } | null;
  readonly checkpointStep: number;
  /** Set when the run has ended, well or not. */
  readonly outcome: Outcome<void> | null;
}

function notDncnn({ name, model }: ModelSummary): Outcome<null> {
  const failure: Failure = {
    code: "weights/network",
    message: `${name} holds weights of ${NETWORK_TITLES[model.name]}, not of DnCNN.`,
    remedy: "Give a weight file of DnCNN.",
  };
  return { ok: false, failure };
}

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
  const lpips = fileInput("automation-lpips", false);
  const dncnn = fileInput("automation-dncnn", false);
  let importing: ImportProgress | null = null;

  const onImport = (progress: ImportProgress): void => {
    importing = progress;
  };
  const automation: LabAutomation = {
    async importImages({ name, size, maxImages }) {
      const chosen = [...(folder.files ?? []), ...(files.files ?? [])];
      const sources = chosen.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
      const request = { name, size, sources, patientCsv: null, resumeDatasetId: null, maxImages };
      const result = await startImport(request, onImport).done;
      importing = null;
      if (!result.ok) return result;
      const { dataset, duplicates, skipped, ended, paths } = result.value;
      const summary = { datasetId: dataset.id, images: dataset.imageCount, duplicates, skipped, ended };
      return { ok: true, value: { ...summary, paths: Object.fromEntries(paths) } };
    },
    async startRun({ name, config, fromWeights }) {
      const file = fromWeights ? weights.files?.[0] : undefined;
      const initialWeights = file ? new Uint8Array(await file.arrayBuffer()) : null;
      return startTraining({ name, config, initialWeights });
    },
    async loadLpips() {
      const outcome = await importLpips([...(lpips.files ?? [])]);
      return outcome.ok ? { ok: true, value: null } : outcome;
    },
    async loadDncnn() {
      for (const file of dncnn.files ?? []) {
        const outcome = await importModel(file);
        if (!outcome.ok) return outcome;
        if (outcome.value.model.name !== "dncnn") return notDncnn(outcome.value);
      }
      return { ok: true, value: null };
    },
    resumeRun: resumeTraining,
    compareMethods: comparisonOf,
    deleteRun,
    pause: pauseTraining,
    status() {
      const { phase, note, progress, epochs, checkpointStep, rendering, ended } = trainingStore.getState();
      const epoch = epochs.at(-1);
      const validation = epoch
        ? { epoch: epoch.epoch, loss: epoch.validationLoss, psnrDb: epoch.validationPsnrDb }
        : null;
      const lastLoss = liveCurve.losses.at(-1) ?? null;
      return {
        importing: importing ?? rendering,
        comparing: comparisonStore.getState().progress,
        phase,
        note,
        progress,
        lastLoss,
        validation,
        checkpointStep,
        outcome: ended,
      };
    },
    async exportRun(runId, paths) {
      const result = await exportRun(runId, new Map(Object.entries(paths)), true);
      if (!result.ok) return result;
      saveBlob(result.value, `${runId}.zip`);
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
