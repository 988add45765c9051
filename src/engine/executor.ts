import type { LossScaleState, OptimizerState, StateDict } from "@/contracts/tensors";
import type { AdapterInfo } from "@/contracts/training";
import type { Graph } from "@/model/graph";
import type { Synchroniser } from "./synchroniser";
import type { Tuner } from "./tuning";

/** One batch of pairs, both [images, size, size] in row-major order (one channel). */
export interface Batch {
  readonly images: number;
  readonly noisy: Float32Array<ArrayBuffer>;
  readonly clean: Float32Array<ArrayBuffer>;
}

export interface ExecutorOptions {
  readonly graph: Graph;
  /** Full state dict, BatchNorm buffers included. */
  readonly weights: StateDict;
  readonly height: number;
  readonly width: number;
  readonly loss: "l1" | "l2";
  /**
   * `mixed`: activations and their gradients in 16-bit floats, arithmetic, weights and statistics in 32 bits, dynamic loss
   * scale. Engines without it throw `engine/precision`. Absent: `f32`.
   */
  readonly precision?: "f32" | "mixed";
  /** How kernels are computed, by label, where it differs from the default (the tuner's choices). Engines without a tuner ignore it. */
  readonly tuning?: Readonly<Record<string, string>>;
  readonly adam: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
}

export interface ExecutorInfo {
  /** `reference`, `tfjs-wasm`, … */
  readonly engine: string;
  readonly adapter: AdapterInfo | null;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export interface FlatPiece {
  readonly offset: number;
  readonly length: number;
}

export interface GradientStream {
  readonly loss: Promise<number>;
  /** In the order asked. */
  readonly pieces: readonly Promise<void>[];
}

/**
 * Trainable parameters and their gradients as the engine keeps them: one flat buffer, in the order of the forward pass, of the
 * same length and order in every executor of this engine and graph. For replicas that exchange them as they are.
 */
export interface FlatAccess {
  readonly floats: number;
  /**
   * As `computeGradients`, and writes pieces of the gradients to `into` as the device has them, while it works on the others.
   * All promises must have settled before the next call. Absent where gradients come all at once.
   */
  streamGradients?(batch: Batch, into: Float32Array, pieces: readonly FlatPiece[]): Promise<GradientStream>;
  /** A copy that is the caller's. */
  readGradients(): Promise<Float32Array<ArrayBuffer>>;
  /** May lie in shared memory; it is read before this resolves. */
  writeGradients(flat: Float32Array): Promise<void>;
  readParameters(): Promise<Float32Array<ArrayBuffer>>;
  writeParameters(flat: Float32Array<ArrayBuffer>): Promise<void>;
}

/**
 * Runs one graph at one image size. Calls must not overlap; each waits for the device before it resolves.
 * Throws `LabError` with an `engine/…` code (`engine/device-lost`, `engine/out-of-memory`) or `training/nan-loss` never —
 * a NaN loss is returned, and the trainer judges it.
 */
export interface Executor {
  readonly info: ExecutorInfo;
  /** Where the engine keeps them so: saves putting every tensor in PyTorch's order and back. */
  readonly flat?: FlatAccess;
  /**
   * Allocates and compiles for training steps of so many images before the first one, where the engine can. Resolves to what
   * the user should know about how they are computed on this device, a sentence each. `synchronised`: for batches with a
   * synchroniser.
   */
  prepare?(images: number, synchronised?: boolean): Promise<readonly string[]>;
  /** Evaluation mode (BatchNorm by running statistics). [images, H, W] → [images, H, W], not clamped. */
  infer(noisy: Float32Array<ArrayBuffer>, images: number): Promise<Float32Array<ArrayBuffer>>;
  /** Forward in training mode, mean loss over the batch, backward, one Adam step. Resolves to the loss before the step. */
  trainStep(batch: Batch, learningRate: number): Promise<number>;
  /**
   * Forward and backward only: running statistics move, gradients stay on the device until `applyGradients`. With a
   * synchroniser, BatchNorm normalises by its statistics, and the running ones move with `applyGradients`, so that a batch which
   * is called off or computed again counts once. Rejects with what the synchroniser rejects with.
   */
  computeGradients(batch: Batch, synchroniser?: Synchroniser): Promise<number>;
  /** One Adam step with the gradients held. */
  applyGradients(learningRate: number): Promise<void>;
  /** Gradients of the trainable parameters from the last `computeGradients` or `trainStep`. */
  readGradients(): Promise<StateDict>;
  /** Replaces the gradients held (averaged ones, say). */
  writeGradients(gradients: StateDict): Promise<void>;
  /** The loss scale of mixed precision, where the engine has it: a helper that applies no gradients takes its master's. */
  readLossScale?(): LossScaleState | null;
  writeLossScale?(state: LossScaleState): void;
  readWeights(): Promise<StateDict>;
  writeWeights(weights: StateDict): Promise<void>;
  readOptimizer(): Promise<OptimizerState>;
  writeOptimizer(state: OptimizerState): Promise<void>;
  /** Live and highest device bytes, as the engine counts them. */
  memory(): { readonly bytes: number; readonly peakBytes: number };
  /** Frees everything on the device; idempotent. Any later call throws. */
  dispose(): Promise<void>;
}

/** An engine: makes executors. */
export interface Engine {
  readonly name: string;
  /** Null when it can run here, else why not. */
  unavailable(): Promise<string | null>;
  create(options: ExecutorOptions): Promise<Executor>;
  /** Where kernels can be computed in several ways. */
  readonly tuner?: Tuner;
}
