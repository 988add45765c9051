import type { PreviewStrip } from "@/contracts/training";
import type { Batch, Executor } from "@/engine/executor";
import { psnrDb } from "@/imaging/metrics";
import { FIXED_VISIT, type PairMaker } from "./batches";

/** Images of the strip. */
const PREVIEW_IMAGES = 4;
/** Between two previews of one epoch: at first this, then a tenth of the time trained, at most the last. */
const FIRST_INTERVAL_MS = 2000;
const INTERVAL_SHARE = 0.1;
const LAST_INTERVAL_MS = 60_000;
/** Previews may take this share of the time. */
const COST_SHARE = 0.05;
/** Previews kept of a run, about: every n-th epoch of a long one. */
const KEPT_PREVIEWS = 64;

/** Whether the preview after this epoch is kept for later; all are shown. */
export function keepsPreview(epoch: number, epochs: number): boolean {
  return epoch % Math.ceil(epochs / KEPT_PREVIEWS) === 0 || epoch === 1 || epoch === epochs;
}

/** Places among `length` things: at most `count`, evenly spread over them. */
export function spread(length: number, count: number): Uint32Array {
  const taken = Math.min(count, length);
  return Uint32Array.from({ length: taken }, (_, i) => Math.floor(((i + 0.5) * length) / taken));
}

const toGrey8 = (unit: Float32Array): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(unit, (value) => Math.round(Math.min(Math.max(value, 0), 1) * 255));

/** The same few images once more: as bytes to show, and as the network saw and gave them, [images, size, size]. */
export interface PreviewView {
  readonly strip: PreviewStrip;
  readonly indices: Uint32Array;
  readonly batch: Batch;
  readonly denoised: Float32Array;
}

/**
 * Shows the same few validation images as the network learns: after each epoch, from the outputs of the validation, which cost
 * nothing; and every few seconds at first, ever more seldom later, for a twentieth of the time at most.
 */
export class Previewer {
  private readonly executor: Executor;
  private readonly pairs: PairMaker;
  /** Where the images are among the validation images, and in the dataset. */
  private readonly places: Uint32Array;
  private readonly indices: Uint32Array;
  private readonly size: number;
  private readonly now: () => number;
  private readonly startMs: number;
  /** Outputs of the last validation, [images, size, size]. */
  private readonly validated: Float32Array<ArrayBuffer>;
  private batch: Batch | null = null;
  private nextMs = Number.NEGATIVE_INFINITY;

  constructor(
    executor: Executor,
    pairs: PairMaker,
    validation: Uint32Array,
    size: number,
    now: () => number,
  ) {
    this.executor = executor;
    this.pairs = pairs;
    this.places = spread(validation.length, PREVIEW_IMAGES);
    this.indices = this.places.map((place) => validation[place] as number);
    this.validated = new Float32Array(this.places.length * size ** 2);
    this.size = size;
    this.now = now;
    this.startMs = now();
  }

  /** Whether it is time for another one. */
  isDue(): boolean {
    return this.now() >= this.nextMs;
  }

  /** Runs the network on the images. */
  async render(step: number, epoch: number): Promise<PreviewView> {
    const begunMs = this.now();
    const batch = await this.inputs();
    const denoised = await this.executor.infer(batch.noisy, batch.images);
    const view = this.viewOf(step, epoch, batch, denoised);
    this.shown(begunMs);
    return view;
  }

  /** The output of `images` validation images from place `first` on: those that are shown are kept. */
  seen(first: number, images: number, denoised: Float32Array): void {
    const area = this.size ** 2;
    this.places.forEach((place, image) => {
      const from = (place - first) * area;
      if (place >= first && place < first + images)
        this.validated.set(denoised.subarray(from, from + area), image * area);
    });
  }

  /** The images as the validation that has just ended made them; all its images were `seen`. */
  async afterValidation(step: number, epoch: number): Promise<PreviewView> {
    const begunMs = this.now();
    const view = this.viewOf(step, epoch, await this.inputs(), this.validated.slice());
    this.shown(begunMs);
    return view;
  }

  private async inputs(): Promise<Batch> {
    this.batch ??= await this.pairs.pairs(this.indices, FIXED_VISIT);
    return this.batch;
  }

  private viewOf(step: number, epoch: number, batch: Batch, denoised: Float32Array): PreviewView {
    const { images, noisy, clean } = batch;
    const area = this.size ** 2;
    const psnrs = (test: Float32Array): number[] =>
      Array.from({ length: images }, (_, i) =>
        psnrDb(test.subarray(i * area, (i + 1) * area), clean.subarray(i * area, (i + 1) * area)),
      );
    const strip: PreviewStrip = {
      step,
      epoch,
      count: images,
      size: this.size,
      noisy: toGrey8(noisy),
      denoised: toGrey8(denoised),
      clean: toGrey8(clean),
      psnrDb: psnrs(denoised),
      noisyPsnrDb: psnrs(noisy),
    };
    return { strip, indices: this.indices, batch, denoised };
  }

  private shown(begunMs: number): void {
    const endMs = this.now();
    const interval = Math.max(FIRST_INTERVAL_MS, (endMs - this.startMs) * INTERVAL_SHARE);
    const cost = (endMs - begunMs) / COST_SHARE;
    this.nextMs = endMs + Math.max(Math.min(interval, LAST_INTERVAL_MS), cost);
  }
}
