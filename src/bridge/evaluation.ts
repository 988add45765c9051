import { proxy } from "comlink";
import type { Outcome } from "@/contracts/failure";
import type { LpipsNetwork, LpipsWeightsSummary } from "@/contracts/lpips";
import type { ModelSummary } from "@/contracts/run";
import type { ModelConfig, RunConfig } from "@/contracts/runConfig";
import type {
  BundleProgress,
  ComparisonProgress,
  DenoiseRequest,
  DenoiseResult,
  EvaluationApi,
  GreyImage,
  ImagesProgress,
  Listener,
  ModelDescription,
  NoisePreview,
  NoisePreviewRequest,
  StudyDrawnPictures,
  StudyFormat,
  StudyRequest,
  StudyView,
} from "@/contracts/workers";
import { LazyWorker } from "./lazyWorker";

/** Long enough that a user who thinks between two clicks does not wait for an engine again. */
const IDLE_MS = 120_000;

const evaluation = new LazyWorker<EvaluationApi>({
  name: "evaluation",
  idleMs: IDLE_MS,
  start: () =>
    new Worker(new URL("../../workers/evaluation.worker.ts", import.meta.url), {
      type: "module",
      name: "evaluation",
    }),
});

/** Resolves to `internal/superseded` when a later request came in before the work began: drop that answer. */
export function previewNoise(request: NoisePreviewRequest): Promise<Outcome<NoisePreview>> {
  return evaluation.call((api) => api.previewNoise(request));
}

/** Denoises one file. Requests queue; `cancel` ends the one at work and those that wait. */
export function denoise(
  request: DenoiseRequest,
  onProgress: Listener<{ readonly tilesDone: number; readonly tiles: number }>,
): Promise<Outcome<DenoiseResult>> {
  return evaluation.call((api) => api.denoise(request, proxy(onProgress)));
}

/** Ends the denoising at work after its tile, and those that wait, with `run/cancelled`. */
export function cancel(): Promise<void> {
  return evaluation.notify((api) => api.cancel());
}

/** 16-bit grey PNG of an image in [0, 1]. */
export function encodePng16(image: GreyImage): Promise<Outcome<Blob>> {
  return evaluation.call((api) => api.encodePng16(image));
}

/** Stores a safetensors or PyTorch file as a model, or says why not. */
export function importModel(file: File): Promise<Outcome<ModelSummary>> {
  return evaluation.call((api) => api.importModel(file));
}

/** Keeps LPIPS weights for the tests of runs, or says why not: whole files, or a network's and its heads' together. */
export function importLpips(files: readonly File[]): Promise<Outcome<readonly LpipsWeightsSummary[]>> {
  return evaluation.call((api) => api.importLpips(files));
}

/** Adds LPIPS to the test of a stored run; `cancel` ends it with `run/cancelled`. */
export function measureLpips(runId: string, onProgress: Listener<ImagesProgress>): Promise<Outcome<void>> {
  return evaluation.call((api) => api.measureLpips(runId, proxy(onProgress)));
}

export function deleteLpips(network: LpipsNetwork): Promise<Outcome<void>> {
  return evaluation.call((api) => api.deleteLpips(network));
}

export function renameModel(id: string, name: string): Promise<Outcome<void>> {
  return evaluation.call((api) => api.renameModel(id, name));
}

export function deleteModel(id: string): Promise<Outcome<void>> {
  return evaluation.call((api) => api.deleteModel(id));
}

export function renameRun(id: string, name: string): Promise<Outcome<void>> {
  return evaluation.call((api) => api.renameRun(id, name));
}

export function deleteRun(id: string): Promise<Outcome<void>> {
  return evaluation.call((api) => api.deleteRun(id));
}

/** The files of the headless contract as one zip. `paths`: content hash → file name, where this session knows it. */
export function exportRun(
  id: string,
  paths: ReadonlyMap<string, string>,
  film: boolean,
): Promise<Outcome<Blob>> {
  return evaluation.call((api) => api.exportRun(id, paths, film));
}

/** Stores a zip made by `exportRun`, or the files of a result folder; resolves to the run's id. */
export function importRun(files: readonly File[]): Promise<Outcome<string>> {
  return evaluation.call((api) => api.importRun(files));
}

/** The run of a config, not trained, as a zip that `pytorch/train.py` trains. */
export function exportForPytorch(
  request: { readonly name: string; readonly config: RunConfig },
  onProgress: Listener<BundleProgress>,
): Promise<Outcome<Blob>> {
  return evaluation.call((api) => api.exportForPytorch(request, proxy(onProgress)));
}

/** The study's tables and charts from stored runs. */
export function studyReport(request: StudyRequest): Promise<Outcome<StudyView>> {
  return evaluation.call((api) => api.studyReport(request));
}

/** The report's pictures; `cancelStudy` ends it with `run/cancelled`. */
export function studyPictures(
  request: StudyRequest,
  onProgress: Listener<ComparisonProgress>,
): Promise<Outcome<StudyDrawnPictures>> {
  return evaluation.call((api) => api.studyPictures(request, proxy(onProgress)));
}

/** The report as a file; `cancelStudy` ends it with `run/cancelled`. */
export function studyFile(
  request: StudyRequest,
  format: StudyFormat,
  onProgress: Listener<ComparisonProgress>,
): Promise<Outcome<Blob>> {
  return evaluation.call((api) => api.studyFile(request, format, proxy(onProgress)));
}

export function cancelStudy(): Promise<void> {
  return evaluation.notify((api) => api.cancelStudy());
}

/** Parameters and FLOPs of a network, without building an engine. */
export function describeModel(model: ModelConfig, size: number): Promise<Outcome<ModelDescription>> {
  return evaluation.call((api) => api.describeModel(model, size));
}
