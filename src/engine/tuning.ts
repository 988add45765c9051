import type { TuningEntry, TuningProgress, TuningReport } from "@/contracts/engineLab";
import type { ExecutorOptions } from "./executor";

/** What a plan is made from; weights do not matter to it. */
export type PlanOptions = Pick<ExecutorOptions, "graph" | "height" | "width" | "loss" | "precision">;

export type Pass = "training" | "inference";

export interface TuneSettings {
  /** Kernels (labels) that are left as they are. */
  readonly known: ReadonlySet<string>;
  /** No kernel is begun that would end later, judged by those before, and none is waited for longer. */
  readonly budgetMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TuningProgress) => void;
  /** Told of every choice as it is made, so that it can be kept whatever ends the tuning. */
  readonly onEntry?: (entry: TuningEntry) => void;
}

export interface TuningDevice {
  /** What entries call it: adapter, browser and version of the kernels. */
  readonly key: string;
  /** Computes on the processor: its kernels are chosen by hand, and compiling them takes longest. */
  readonly software: boolean;
}

/** The tuner of an engine that has one. The engine stores nothing: the caller keeps the entries and hands them to executors. */
export interface Tuner {
  /** Throws `engine/unavailable`. */
  device(): Promise<TuningDevice>;
  /**
   * Times the ways to compute every kernel of a plan, those with the largest share of its arithmetic first. Throws the
   * signal's reason when aborted; a way that fails is a part of the report.
   */
  tune(options: PlanOptions, images: number, pass: Pass, settings: TuneSettings): Promise<TuningReport>;
}
