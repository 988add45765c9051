import type { DatasetRecord } from "./dataset";
import type { Failure, Outcome } from "./failure";
import type { LpipsNetwork, LpipsWeightsSummary } from "./lpips";
import type { ModelSummary } from "./run";
import type { ModelConfig, RunConfig } from "./runConfig";
import type { StudyCrop, StudyPictureFigure, StudyReport } from "./studyReport";
import type { TrainingEvent } from "./training";

/** Listeners are comlink proxies; calls to them are not awaited by the worker. */
export type Listener<T> = (message: T) => void;

// ---------------------------------------------------------------- import.worker

/** One thing the user dropped or chose. Folder entries carry their path inside the folder. */
export interface ImportSource {
  /** Relative path with `/`, e.g. `images_001/00000001_000.png`; decides the order of import. Never stored. */
  readonly path: string;
  readonly file: File;
}

export interface ImportRequest {
  readonly name: string;
  /** Side that every image is resized to, Pillow's bicubic. */
  readonly size: number;
  /** Image files and `.zip` / `.tar.gz` / `.tar` archives, mixed as they come. */
  readonly sources: readonly ImportSource[];
  /** `file,patient` rows; else the NIH name pattern `NNNNNNNN_VVV`. */
  readonly patientCsv: string | null;
  /** Continue this dataset instead of making a new one. */
  readonly resumeDatasetId: string | null;
  readonly maxImages: number | null;
}

export interface ImportProgress {
  readonly datasetId: string;
  readonly done: number;
  /** Images found so far; null while an archive is still being listed. */
  readonly total: number | null;
  readonly stored: number;
  readonly duplicates: number;
  readonly skipped: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number | null;
}

export interface SkippedFile {
  readonly path: string;
  readonly failure: Failure;
}

export interface ImportReport {
  readonly dataset: DatasetRecord;
  readonly duplicates: number;
  readonly skipped: readonly SkippedFile[];
  readonly cancelled: boolean;
  /** Set when storage ran full: what was stored before is usable. */
  readonly ended: Failure | null;
  /** Content hash → path, kept in memory only, so that an export of this session can name its files. */
  readonly paths: ReadonlyMap<string, string>;
}

export interface ImportApi {
  importImages(request: ImportRequest, onProgress: Listener<ImportProgress>): Promise<Outcome<ImportReport>>;
  /** Renders a phantom dataset: same seed, same bytes. An equal one already stored is returned as it is. */
  makePhantoms(
    request: { readonly count: number; readonly size: number; readonly seed: number },
    onProgress: Listener<ImportProgress>,
  ): Promise<Outcome<DatasetRecord>>;
  /** Ends the running import at the next image; what was stored stays. */
  cancel(): Promise<void>;
  renameDataset(id: string, name: string): Promise<Outcome<void>>;
  deleteDataset(id: string): Promise<Outcome<void>>;
}

// --------------------------------------------------------------- replica.worker

/** What the leader of several replicas talks through: to the averager on the main thread, and to replicas 1, 2, … */
export interface LeaderLinks {
  readonly averager: MessagePort;
  readonly followers: readonly MessagePort[];
}

export interface FollowerLinks {
  readonly averager: MessagePort;
  readonly leader: MessagePort;
}

export interface ReplicaApi {
  /** Creates the run record and trains to the end. Resolves when the run is done, stopped or failed. */
  train(
    request: {
      readonly runId: string;
      readonly name: string;
      readonly config: RunConfig;
      /** Weights to start from (safetensors), instead of a fresh initialisation. */
      readonly initialWeights: Uint8Array<ArrayBuffer> | null;
    },
    onEvent: Listener<TrainingEvent>,
    /** For a run of several replicas, of which this is the first; else null. */
    links: LeaderLinks | null,
  ): Promise<Outcome<void>>;
  /** Continues a stored run from its last checkpoint. */
  resume(runId: string, onEvent: Listener<TrainingEvent>, links: LeaderLinks | null): Promise<Outcome<void>>;
  /** Works for a leader until it is let go; the leader hears of failures. */
  follow(links: FollowerLinks): Promise<void>;
  /** Resolves when this thread holds that Web Lock, which it does as long as it lives. */
  holdLock(name: string): Promise<void>;
  /** Finishes the step, writes a checkpoint, waits. */
  pause(): Promise<void>;
  continue(): Promise<void>;
  /** Finishes the step, writes a checkpoint and the weights, tests, ends the run. */
  stop(): Promise<void>;
}

// ------------------------------------------------------------ evaluation.worker

/** Float32 grey image in [0, 1] (outputs may leave it). */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array<ArrayBuffer>;
}

export interface NoisePreviewRequest {
  readonly source:
    | { readonly kind: "phantom"; readonly seed: number; readonly index: number; readonly size: number }
    | { readonly kind: "dataset"; readonly datasetId: string; readonly index: number };
  readonly noise: { readonly mean: number; readonly std: number };
  readonly seed: number;
  /** Denoise it too with this model. */
  readonly modelId: string | null;
}

export interface NoisePreview {
  readonly clean: GreyImage;
  readonly noisy: GreyImage;
  readonly denoised: GreyImage | null;
  /** 256 bins over [0, 1] of the clean and the noisy image. */
  readonly cleanHistogram: Uint32Array<ArrayBuffer>;
  readonly noisyHistogram: Uint32Array<ArrayBuffer>;
  readonly noisyPsnrDb: number;
  readonly noisySsim: number;
  readonly denoisedPsnrDb: number | null;
  readonly denoisedSsim: number | null;
  /** Share of pixels that the clamp to [0, 1] changed. */
  readonly clampedShare: number;
}

export interface DenoiseRequest {
  readonly modelId: string;
  readonly file: File;
  /** Add this noise first (for trying out on clean images); null: denoise as it is. */
  readonly addNoise: { readonly mean: number; readonly std: number; readonly seed: number } | null;
}

export interface DenoiseResult {
  readonly name: string;
  /** What went into the network (after added noise, if any), and what came out, clamped to [0, 1]; same size as the file. */
  readonly input: GreyImage;
  readonly denoised: GreyImage;
  /** The image before noise was added; null without added noise. */
  readonly clean: GreyImage | null;
  readonly psnrDb: number | null;
  readonly ssim: number | null;
  readonly inputPsnrDb: number | null;
  readonly inputSsim: number | null;
  readonly tiles: number;
  readonly engine: string;
  readonly seconds: number;
}

export interface EvaluationApi {
  /** The latest request wins: one that a later one overtakes before its work ends with `internal/superseded`. */
  previewNoise(request: NoisePreviewRequest): Promise<Outcome<NoisePreview>>;
  denoise(
    request: DenoiseRequest,
    onProgress: Listener<{ readonly tilesDone: number; readonly tiles: number }>,
  ): Promise<Outcome<DenoiseResult>>;
  /** Ends the denoising at work after its tile, those that wait, and a measuring of LPIPS, with `run/cancelled`. */
  cancel(): Promise<void>;
  /** 16-bit grey PNG of an image in [0, 1]. */
  encodePng16(image: GreyImage): Promise<Outcome<Blob>>;
  /** Stores a safetensors or PyTorch file as a model, or says why not. The network is found from names and shapes. */
  importModel(file: File): Promise<Outcome<ModelSummary>>;
  /** Keeps LPIPS weights for the tests of runs, or says why not: whole files, or a network's and its heads' together. */
  importLpips(files: readonly File[]): Promise<Outcome<readonly LpipsWeightsSummary[]>>;
  /** Adds LPIPS to the test of a stored run. `cancel` ends it with `run/cancelled`. */
  measureLpips(runId: string, onProgress: Listener<ImagesProgress>): Promise<Outcome<void>>;
  deleteLpips(network: LpipsNetwork): Promise<Outcome<void>>;
  renameModel(id: string, name: string): Promise<Outcome<void>>;
  deleteModel(id: string): Promise<Outcome<void>>;
  renameRun(id: string, name: string): Promise<Outcome<void>>;
  deleteRun(id: string): Promise<Outcome<void>>;
  /** The files of the headless contract as one zip. `paths`: content hash → file name, where this session knows it. `film`:
   * with the pictures of its film. */
  exportRun(id: string, paths: ReadonlyMap<string, string>, film: boolean): Promise<Outcome<Blob>>;
  /** A zip made by `exportRun`, or the files of a result folder. */
  importRun(files: readonly File[]): Promise<Outcome<string>>;
  /** The run of a config, not trained, as a zip that `pytorch/train.py` trains. Phantoms must have been rendered. */
  exportForPytorch(
    request: { readonly name: string; readonly config: RunConfig },
    onProgress: Listener<BundleProgress>,
  ): Promise<Outcome<Blob>>;
  /** The study's tables and charts from stored runs; no picture is made. */
  studyReport(request: StudyRequest): Promise<Outcome<StudyView>>;
  /** Figures 5 to 7: the test images through the best weights of the runs. What was made is kept for other crops. */
  studyPictures(
    request: StudyRequest,
    onProgress: Listener<ComparisonProgress>,
  ): Promise<Outcome<StudyDrawnPictures>>;
  /** The report as a file. Pictures that were not made yet are made. */
  studyFile(
    request: StudyRequest,
    format: StudyFormat,
    onProgress: Listener<ComparisonProgress>,
  ): Promise<Outcome<Blob>>;
  /** Ends the making of pictures before the next, with `run/cancelled`. */
  cancelStudy(): Promise<void>;
  /** Parameters and FLOPs for the screens, without building an engine. */
  describeModel(model: ModelConfig, size: number): Promise<Outcome<ModelDescription>>;
}

export interface StudyRequest {
  readonly runIds: readonly string[];
  /** Content hashes of the test images of Figures 5 to 7; none leaves these out. */
  readonly keys: readonly string[];
  readonly crop: StudyCrop;
}

export const STUDY_FORMATS = ["html", "markdown", "latex", "json", "csv", "zip"] as const;
/** `csv`: a zip of the tables; `zip`: of everything. */
export type StudyFormat = (typeof STUDY_FORMATS)[number];

/** A figure as SVG text, in the colours of either scheme. */
export interface StudyDrawing {
  readonly id: string;
  readonly light: string;
  readonly dark: string;
}

export interface StudyDrawnPictures {
  readonly figures: readonly {
    readonly figure: StudyPictureFigure;
    readonly drawing: StudyDrawing;
    /** Where the whole images lie in the drawing: left edge of each column and its top, side of a cell, in the drawing's pixels. */
    readonly places: { readonly lefts: readonly number[]; readonly top: number; readonly side: number };
  }[];
  /** What the report with these pictures leaves out and why, a sentence each. */
  readonly leftOut: readonly string[];
}

export interface StudyView {
  readonly report: StudyReport;
  readonly charts: readonly StudyDrawing[];
  /** Each table of the report as text to copy. */
  readonly texts: readonly {
    readonly id: string;
    readonly markdown: string;
    readonly latex: string;
    readonly csv: string;
  }[];
  /** Test images that pictures can be made of, those of most runs first. */
  readonly testImages: readonly { readonly key: string; readonly index: number; readonly runs: number }[];
}

// ------------------------------------------------------------ comparison.worker

export interface ComparisonApi {
  /** Runs methods (all when `names` is empty) on a run's noisy test images and stores their results with it. */
  compare(
    runId: string,
    names: readonly string[],
    onProgress: Listener<ComparisonProgress>,
  ): Promise<Outcome<void>>;
  /** Ends the comparisons at work before their next picture, with `run/cancelled`. */
  cancel(): Promise<void>;
}

export interface ComparisonProgress {
  /** Pictures done and in all: test images times methods (or networks). */
  readonly done: number;
  readonly total: number;
  readonly secondsLeft: number | null;
}

export interface ImagesProgress {
  readonly imagesDone: number;
  readonly images: number;
}
export type BundleProgress = ImagesProgress;

export interface ModelDescription {
  readonly parameters: number;
  readonly forwardGflopsPerImage: number;
}
