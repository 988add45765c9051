import type { StateDict } from "@/contracts/tensors";
import type { Batch } from "@/engine/executor";
import type { Graph } from "@/model/graph";

/** The network that every contender trains, and how. */
export interface TrainingTask {
  readonly graph: Graph;
  /** Initial weights, PyTorch's names and layouts. */
  readonly weights: StateDict;
  readonly images: number;
  /** Height and width of an image. */
  readonly size: number;
  readonly learningRate: number;
  readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
}

/** One contender with the task's network on its device. Uses no DOM, so that it runs in Node too. */
export interface Trainer {
  readonly name: string;
  /** Forward in training mode, mean absolute error, backward, Adam. Resolves, when all of it is done, to the loss before the update. */
  step(batch: Batch): Promise<number>;
  dispose(): Promise<void>;
}

/** Makes a contender ready, as far as it can be without a batch. Throws what the device or the library throws. */
export type MakeTrainer = (task: TrainingTask) => Promise<Trainer>;

export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Smooth pictures in [0, 1] and the same with noise on them: the same numbers for every contender. */
export function makeBatch(images: number, size: number): Batch {
  const clean = Float32Array.from({ length: images * size * size }, (_, i) => {
    const x = i % size;
    const y = Math.floor(i / size);
    return 0.5 + 0.25 * Math.sin(x * 0.11) + 0.25 * Math.cos(y * 0.07);
  });
  const noisy = clean.map((value, i) => value + 0.1 * Math.sin(i * 12.9898) * Math.cos(i * 78.233));
  return { images, clean, noisy };
}
