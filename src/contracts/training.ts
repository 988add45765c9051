import type { Failure, Outcome } from "./failure";
import type { LpipsConditions } from "./lpips";
import type { Recovery } from "./recovery";
import type { RunConfig } from "./runConfig";

/** What a run tells while it works. Sent from the replica worker in batches of at most ten messages a second. */
export type TrainingEvent =
  | { readonly type: "phase"; readonly phase: TrainingPhase; readonly note?: string }
  | { readonly type: "started"; readonly started: StartedInfo }
  | { readonly type: "steps"; readonly steps: StepChunk; readonly progress: ProgressInfo }
  /** How the replicas of a run with several are doing, in the order of their ranks. */
  | { readonly type: "replicas"; readonly replicas: readonly ReplicaStatus[] }
  | { readonly type: "epoch"; readonly epoch: EpochRecord }
  | { readonly type: "preview"; readonly preview: PreviewStrip }
  | { readonly type: "checkpoint"; readonly step: number; readonly epoch: number; readonly atMs: number }
  /** The run goes on from a checkpoint: what was told of the steps after it does not hold. */
  | { readonly type: "recovered"; readonly recovery: Recovery }
  | { readonly type: "finished"; readonly result: RunResult }
  | { readonly type: "failed"; readonly failure: Failure; readonly step: number };

export type TrainingPhase =
  | "preparing"
  | "choosing-engine"
  | "training"
  | "validating"
  | "paused"
  /** The graphics device was lost; a new one is being made. */
  | "recovering"
  | "testing"
  | "done"
  | "stopped"
  | "failed";

export interface StartedInfo {
  readonly runId: string;
  /** The executor in use, e.g. `tfjs-wasm`, and what `auto` measured (ms a step by engine). */
  readonly engine: string;
  readonly engineTimingsMs: Readonly<Record<string, number>>;
  readonly adapter: AdapterInfo | null;
  readonly parameters: number;
  readonly forwardGflopsPerImage: number;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** Step it starts or continues from. */
  readonly firstStep: number;
  /** What differs from the plain way because of this device, a sentence each; absent in runs of earlier versions. */
  readonly notes?: readonly string[];
}

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  readonly isFallbackAdapter: boolean;
}

/** Consecutive steps: loss and wall time of each, from `firstStep` (1-based). */
export interface StepChunk {
  readonly firstStep: number;
  readonly losses: Float32Array<ArrayBuffer>;
  readonly stepMs: Float32Array<ArrayBuffer>;
}

export interface ProgressInfo {
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly epochs: number;
  readonly stepInEpoch: number;
  readonly stepsPerEpoch: number;
  readonly imagesPerSecond: number;
  readonly secondsLeft: number | null;
  readonly deviceBytes: number | null;
}

export interface EpochRecord {
  /** 1-based. */
  readonly epoch: number;
  readonly step: number;
  readonly trainLoss: number;
  readonly validationLoss: number;
  readonly validationPsnrDb: number;
  readonly validationSsim: number;
  readonly seconds: number;
  readonly validationSeconds: number;
}

/** Fixed validation images at a moment of training, u8 grey for showing. All arrays are [count, size, size]. */
export interface PreviewStrip {
  readonly step: number;
  readonly epoch: number;
  readonly count: number;
  readonly size: number;
  readonly noisy: Uint8Array<ArrayBuffer>;
  readonly denoised: Uint8Array<ArrayBuffer>;
  readonly clean: Uint8Array<ArrayBuffer>;
  /** PSNR of each denoised image against the clean one. */
  readonly psnrDb: readonly number[];
  readonly noisyPsnrDb: readonly number[];
}

export interface MeanInterval {
  readonly mean: number;
  /** Half width of the 95 % confidence interval of the mean (Student's t). */
  readonly ci95: number;
}

/** Means of what is measured beside PSNR and the study's SSIM; absent in runs of earlier versions and of PyTorch. */
export interface FurtherMetrics {
  /** Mean absolute error, in units of brightness. */
  readonly mae?: MeanInterval | undefined;
  /** SSIM with the 11×11 Gaussian window. */
  readonly ssimGaussian?: MeanInterval | undefined;
  /** Null where a side of the images is under 161 pixels: five scales do not fit. */
  readonly msSsim?: MeanInterval | null | undefined;
}

export interface MethodMetrics extends FurtherMetrics {
  readonly psnrDb: MeanInterval;
  readonly ssim: MeanInterval;
  readonly lpips: MeanInterval | null;
}

export interface ImageMetrics {
  /** Index in the dataset and content hash of the test image. */
  readonly index: number;
  readonly contentHash: string;
  readonly psnrDb: number;
  readonly ssim: number;
  readonly lpips: number | null;
  readonly noisyPsnrDb: number;
  readonly noisySsim: number;
  readonly noisyLpips: number | null;
  /** As in `FurtherMetrics`. */
  readonly mae?: number | undefined;
  readonly ssimGaussian?: number | undefined;
  readonly msSsim?: number | null | undefined;
  readonly noisyMae?: number | undefined;
  readonly noisySsimGaussian?: number | undefined;
  readonly noisyMsSsim?: number | null | undefined;
}

/** A method that is not trained, on the run's noisy test images. */
export interface PriorMethodResult extends FurtherMetrics {
  /** As in `--baselines`. */
  readonly name: string;
  readonly title: string;
  readonly psnrDb: MeanInterval;
  readonly ssim: MeanInterval;
  /** With the network of the run's own LPIPS; null or absent where that was not measured, or its weights were not stored. */
  readonly lpips?: MeanInterval | null | undefined;
  /** Mean wall time of an image. */
  readonly seconds: number;
  readonly versusNetwork: PairedComparison;
}

/** PSNR of the network less that of a method, image by image. Positive: the network is better. */
export interface PairedComparison {
  /** Mean in dB, with a 95 % bootstrap interval (BCa). */
  readonly differenceDb: { readonly mean: number; readonly low: number; readonly high: number };
  /** Two-sided p of Wilcoxon's signed ranks and of the paired t-test. */
  readonly wilcoxonP: number;
  readonly tP: number;
  /** `wilcoxonP` after Holm's correction over the methods compared. */
  readonly holmP: number;
  readonly cohensD: number;
  /** (R₊ − R₋)/(R₊ + R₋) of the signed ranks. */
  readonly rankBiserial: number;
}

export interface RunEnvironment {
  /** The GPU adapter that ran, or the one this browser has when the engine computed on the processor; null without any. */
  readonly adapter: AdapterInfo | null;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly userAgent: string;
  readonly cores: number;
  /** Commit the app was built from. */
  readonly commit: string;
}

/** What one replica did in a run. */
export interface ReplicaRecord {
  /** Name of its adapter, or of its engine where it computed on the processor. */
  readonly adapter: string;
  /** Another replica computed on the same device: no speed-up can be claimed. */
  readonly shared: boolean;
  readonly images: number;
  /** Milliseconds of forward and backward passes and updates; and of reading, averaging and writing gradients, with the time waited for other replicas. */
  readonly computeMs: number;
  readonly exchangeMs: number;
  /** Why it left the run before its end; null or absent when it did not. */
  readonly lost?: string | null | undefined;
}

export interface ReplicaStatus extends ReplicaRecord {
  readonly lost: string | null;
  /** Its part of every step's images, 0 to 1. */
  readonly share: number;
}

/** `result.json` of the headless contract, less `network` (added by the headless driver) and `schemaVersion`. */
export interface RunResult {
  readonly config: RunConfig;
  readonly environment: RunEnvironment;
  readonly model: { readonly parameters: number; readonly forwardGflopsPerImage: number };
  readonly dataset: {
    readonly images: number;
    readonly patients: number;
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly synthetic: boolean;
    readonly fingerprint: string;
  };
  /** The executor that ran, and what `auto` measured. */
  readonly engine: { readonly name: string; readonly timingsMs: Readonly<Record<string, number>> };
  readonly timing: {
    readonly trainSeconds: number;
    readonly validationSeconds: number;
    readonly trainImagesPerSecond: number;
    readonly stepMsMedian: number;
    readonly stepMsP95: number;
    readonly achievedGflops: number;
  };
  readonly memory: { readonly deviceBytesPeak: number };
  readonly epochs: readonly EpochRecord[];
  readonly best: { readonly epoch: number; readonly validationLoss: number };
  readonly test: {
    readonly count: number;
    readonly noisy: MethodMetrics;
    readonly denoised: MethodMetrics;
    /** How LPIPS was measured, or why it was not; absent where it was not asked for, and in runs of earlier versions. */
    readonly lpips?: Outcome<LpipsConditions> | undefined;
  } | null;
  /** Methods that are not trained, on the same noisy test images; absent where none was asked for. */
  readonly methods?: readonly PriorMethodResult[];
  readonly replicas: readonly ReplicaRecord[];
  /** Losses of the graphics device that the run survived, in their order. */
  readonly recoveries: readonly Recovery[];
  /** False when the run was stopped or failed before its last epoch. */
  readonly complete: boolean;
}
