import type { NoiseAmount } from "@/imaging/noise";
import { type Measures, measure } from "../measures";
import { methodNamed } from "./registry";

/** One method on one noisy picture, [size, size] each: data alone, so that it may be done in another thread. */
export interface MethodTask {
  /** As in the registry. */
  readonly method: string;
  readonly clean: Float32Array<ArrayBuffer>;
  readonly noisy: Float32Array<ArrayBuffer>;
  readonly size: number;
  readonly noise: NoiseAmount;
}

export interface MethodOutput {
  readonly denoised: Float32Array<ArrayBuffer>;
  readonly measures: Measures;
  /** Wall time of denoising. */
  readonly seconds: number;
}

/** Where methods compute. */
export interface MethodRunner {
  /** Tasks to keep under way. */
  readonly lanes: number;
  run(task: MethodTask): Promise<MethodOutput>;
}

/** The same bits wherever it runs. Fails with `config/baseline`. */
export function runMethod({ method, clean, noisy, size, noise }: MethodTask): MethodOutput {
  const started = performance.now();
  const denoised = methodNamed(method).denoise({ data: noisy, width: size, height: size }, noise);
  const seconds = (performance.now() - started) / 1000;
  return { denoised, measures: measure(denoised, clean, size), seconds };
}

/** In this thread, one after the other. */
export const RUN_HERE: MethodRunner = { lanes: 1, run: (task) => Promise.resolve(runMethod(task)) };
