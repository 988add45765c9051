import type { ImageReader } from "@/contracts/dataset";
import { PURPOSE, RandomStream } from "@/contracts/random";
import type { NoiseConfig } from "@/contracts/runConfig";
import type { Batch } from "@/engine/executor";
import { addNoise, unitPixels } from "@/imaging/noise";

/** The visit of validation and test images, and of every image whose noise is drawn once. */
export const FIXED_VISIT = 0;

/**
 * The training images of an epoch in the order they are seen: a permutation by (seed, epoch). Every image once.
 */
export function epochOrder(train: Uint32Array, seed: number, epoch: number): Uint32Array {
  const order = new RandomStream(seed, PURPOSE.shuffle, 0, epoch).permutation(train.length);
  return order.map((place) => train[place] as number);
}

/** The noise draw that training sees in an epoch (1-based). */
export function trainingVisit(noise: NoiseConfig, epoch: number): number {
  return noise.draw === "fresh" ? epoch : FIXED_VISIT;
}

/** Batch `number` (0-based) of a sequence of images; the last one may be short, as PyTorch's DataLoader keeps it. */
export function batchIndices(order: Uint32Array, number: number, batchSize: number): Uint32Array {
  return order.subarray(number * batchSize, (number + 1) * batchSize);
}

/** Makes pairs of noisy and clean images from stored u8 pixels. */
export class PairMaker {
  private readonly reader: ImageReader;
  private readonly noise: NoiseConfig;
  private readonly seed: number;

  constructor(reader: ImageReader, noise: NoiseConfig, seed: number) {
    this.reader = reader;
    this.noise = noise;
    this.seed = seed;
  }

  /**
   * Clean images scaled to [0, 1], and the same with noise keyed by (seed, dataset index, visit) and clamped to [0, 1].
   * Both [indices.length, size, size].
   */
  async pairs(indices: Uint32Array, visit: number): Promise<Batch> {
    const pixels = await this.reader.read(indices);
    const area = this.reader.size ** 2;
    const clean = new Float32Array(pixels.length);
    const noisy = new Float32Array(pixels.length);
    unitPixels(pixels, clean, 0);
    indices.forEach((index, place) => {
      const image = pixels.subarray(place * area, (place + 1) * area);
      addNoise(image, this.noise, { seed: this.seed, index, visit }, noisy, place * area);
    });
    return { images: indices.length, noisy, clean };
  }
}
