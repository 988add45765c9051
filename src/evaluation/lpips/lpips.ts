import type { Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import { LabError } from "@/contracts/failure";
import type { LpipsNetwork } from "@/contracts/lpips";
import {
  acquireBackend,
  type Backend,
  type BackendName,
  makeCurrent,
  releaseBackend,
} from "@/engine/tfjs/backend";
import { type DeviceWeights, features, uploadWeights, weightOf } from "./features";
import type { LpipsWeights } from "./weights";

/** Under this, AlexNet's third pooling stage has nothing left to look at. */
const MIN_SIDE = 32;
/** Pixels that go through the network at a time: its first features take some 70 bytes for each (SqueezeNet). */
const CHUNK_PIXELS = 2 ** 19;
/** Added to a feature's length before it is divided by it. */
const NORM_EPSILON = 1e-10;

/** LPIPS v0.1 on one backend. Its methods may be called again at once; `dispose` it when the last has answered. */
export interface Lpips {
  readonly network: LpipsNetwork;
  /** The executor, e.g. `tfjs-wasm`. */
  readonly engine: string;
  /**
   * Distances of each of `tests` to the `reference` images: grey in [0, 1] (values beyond are not clamped), all
   * [images, height, width]; one Float32Array [images] for each of `tests`. Fails with `shape/lpips` (sides under 32
   * pixels, other lengths) and the failures of the device.
   */
  distances(
    reference: Float32Array,
    tests: readonly Float32Array[],
    images: number,
    height: number,
    width: number,
  ): Promise<Float32Array[]>;
  dispose(): void;
}

/** Loads TensorFlow.js with one backend and the weights on it. Fails with `engine/unavailable`. */
export async function openLpips(backendName: BackendName, weights: LpipsWeights): Promise<Lpips> {
  const backend = await acquireBackend(backendName);
  try {
    makeCurrent(backend);
    return new TfjsLpips(backend, weights.network, uploadWeights(backend.tf, weights.tensors));
  } catch (error) {
    releaseBackend(backend);
    throw error;
  }
}

class TfjsLpips implements Lpips {
  readonly network: LpipsNetwork;
  readonly engine: string;
  readonly #backend: Backend;
  readonly #weights: DeviceWeights;

  constructor(backend: Backend, network: LpipsNetwork, weights: DeviceWeights) {
    this.network = network;
    this.engine = `tfjs-${backend.name}`;
    this.#backend = backend;
    this.#weights = weights;
  }

  async distances(
    reference: Float32Array,
    tests: readonly Float32Array[],
    images: number,
    height: number,
    width: number,
  ): Promise<Float32Array[]> {
    const pixels = height * width;
    if (Math.min(height, width) < MIN_SIDE)
      throw new LabError(
        "shape/lpips",
        `LPIPS of ${width}×${height} images: its networks need ${MIN_SIDE}×${MIN_SIDE} pixels.`,
        `Use images of at least ${MIN_SIDE}×${MIN_SIDE} pixels, or leave LPIPS out.`,
      );
    for (const { length } of [reference, ...tests])
      if (length !== images * pixels)
        throw new LabError(
          "shape/lpips",
          `${length} values are not ${images} images of ${width}×${height}.`,
          "Compare images of one size.",
        );
    const out = tests.map(() => new Float32Array(images));
    const chunk = Math.max(1, Math.floor(CHUNK_PIXELS / pixels));
    for (let first = 0; first < images; first += chunk) {
      const count = Math.min(chunk, images - first);
      const part = (values: Float32Array): Float32Array =>
        values.subarray(first * pixels, (first + count) * pixels);
      const results = this.#run(part(reference), tests.map(part), [count, height, width, 1]);
      // One after the other: a read that fails must not leave the others behind unawaited.
      try {
        for (const [i, result] of results.entries())
          out[i]?.set((await result.data()) as Float32Array, first);
      } finally {
        for (const result of results) result.dispose();
      }
      const failure = this.#backend.failure();
      if (failure) throw failure;
    }
    return out;
  }

  /** Issues the work of one chunk; the distances are read by the caller. */
  #run(
    reference: Float32Array,
    tests: readonly Float32Array[],
    shape: [number, number, number, number],
  ): Tensor1D[] {
    const { tf } = this.#backend;
    makeCurrent(this.#backend);
    return tf.tidy(() => {
      const ours = this.#normalised(reference, shape);
      return tests.map((test) =>
        // Within its own scope, so that only one test's features live beside the reference's.
        tf.tidy(() => {
          const theirs = this.#normalised(test, shape);
          const sums = theirs.map((feature, tap) => {
            const difference = tf.squaredDifference(feature, ours[tap] as Tensor4D);
            const head = weightOf<Tensor1D>(this.#weights, `lin${tap}.weight`);
            return tf.mean<Tensor1D>(tf.sum(tf.mul(difference, head), 3), [1, 2]);
          });
          return tf.addN(sums);
        }),
      );
    });
  }

  /** Grey → three channels in [−1, 1] → the scaling layer → features, each of unit length along channels. */
  #normalised(grey: Float32Array, shape: [number, number, number, number]): Tensor4D[] {
    const { tf } = this.#backend;
    return tf.tidy(() => {
      const x = tf.sub(tf.mul(tf.tensor4d(grey, shape), 2), 1);
      const shifted = tf.sub(x, weightOf<Tensor1D>(this.#weights, "shift"));
      const scaled = tf.div<Tensor4D>(shifted, weightOf<Tensor1D>(this.#weights, "scale"));
      return features(tf, this.network, this.#weights, scaled).map((feature) => {
        const length = tf.sqrt(tf.sum(tf.square(feature), 3, true));
        return tf.div<Tensor4D>(feature, tf.add(length, NORM_EPSILON));
      });
    });
  }

  dispose(): void {
    makeCurrent(this.#backend);
    for (const weight of this.#weights.values()) weight.dispose();
    releaseBackend(this.#backend);
  }
}
