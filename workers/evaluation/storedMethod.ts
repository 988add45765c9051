import { denoiseImage } from "@/evaluation/denoise";
import { measure } from "@/evaluation/measures";
import { modelFor, noiseOf } from "@/evaluation/methods/dncnn";
import type { TrainedMethod } from "@/evaluation/methods/method";
import type { MethodOutput, MethodTask } from "@/evaluation/methods/task";
import type { NoiseAmount } from "@/imaging/noise";
import { listModels } from "@/storage/models";
import type { Denoiser } from "./denoiser";

/** A method of stored weights, ready for pictures. */
export interface StoredMethod {
  readonly name: string;
  /** With the name of the model. */
  readonly title: string;
  run(task: MethodTask): Promise<MethodOutput>;
  /** Frees what it holds. */
  close(): Promise<void>;
}

/** A trained method with the stored weights that suit a run's noise best; null where none are stored. */
export async function openStoredMethod(
  method: TrainedMethod,
  noise: NoiseAmount,
  runId: string,
  denoiser: Denoiser,
): Promise<StoredMethod | null> {
  const model = modelFor(method, await listModels(), noise, runId);
  if (!model) return null;
  const trained = noiseOf(model);
  const multiple = await denoiser.sideMultiple(model.id);
  /** Weights for noise of mean zero want the mean taken off; those of a run take off the mean that they learned. */
  const shift = noise.mean - (trained?.mean ?? 0);
  const denoise = async ({ noisy, size }: MethodTask): Promise<Float32Array<ArrayBuffer>> => {
    const image = { data: noisy.map((value) => value - shift), width: size, height: size };
    const { data } = await denoiseImage({
      image,
      multiple,
      infer: async (tile, height, width) => (await denoiser.infer(model.id, tile, 1, height, width)).output,
    });
    return data;
  };
  let warm: Promise<unknown> | null = null;
  let last: Promise<unknown> = Promise.resolve();
  const timed = async (task: MethodTask): Promise<MethodOutput> => {
    // Starting an engine is none of a picture's time.
    warm ??= denoise(task);
    await warm;
    const started = performance.now();
    const denoised = await denoise(task);
    const seconds = (performance.now() - started) / 1000;
    return { denoised, measures: measure(denoised, task.clean, task.size), seconds };
  };
  return {
    name: method.name,
    title: `${method.title} (${model.name}${trained ? `, σ ${Number(trained.std.toFixed(3))}` : ""})`,
    // One after the other: waiting for another picture is none of a picture's time either.
    run(task) {
      const done = last.then(() => timed(task));
      last = done.catch(() => undefined);
      return done;
    },
    close: () => denoiser.forget(model.id),
  };
}
