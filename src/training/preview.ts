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

/** Places among `length` things: at most `count`, evenly spread over them. */
export function spread(length: number, count: number): Uint32Array {
  const taken = Math.min(count, length);
  return Uint32Array.from({ length: taken }, (_, i) => Math.floor(((i + 0.5) * length) / taken));
}

/** A loop of its own: `Uint8Array.from` with a function is many times slower, and this is done after every epoch. */
function toGrey8(unit: Float32Array): Uint8Array<ArrayBuffer> {
  const grey = new Uint8Array(unit.length);
  for (let i = 0; i < unit.length; i++)
    grey[i] = Math.round(Math.min(Math.max(unit[i] as number, 0), 1) * 255);
  return grey;
}

/** What is shown of the images and does not change. */
interface Fixed extends Pick<PreviewStrip, "noisy" | "clean" | "noisyPsnrDb"> {
  readonly batch: Batch;
}

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
  private fixed: Fixed | null = null;
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
    const fixed = await this.inputs();
    const denoised = await this.executor.infer(fixed.batch.noisy, fixed.batch.images);
    const view = this.viewOf(step, epoch, fixed, denoised);
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

  private async inputs(): Promise<Fixed> {
    if (this.fixed) return this.fixed;
    const batch = await this.pairs.pairs(this.indices, FIXED_VISIT);
    const { noisy, clean } = batch;
    this.fixed = {
      batch,
      noisy: toGrey8(noisy),
      clean: toGrey8(clean),
      noisyPsnrDb: this.psnrs(noisy, clean),
    };
    return this.fixed;
  }

  private psnrs(test: Float32Array, clean: Float32Array): number[] {
    const area = this.size ** 2;
    return Array.from(this.places, (_, i) =>
      psnrDb(test.subarray(i * area, (i + 1) * area), clean.subarray(i * area, (i + 1) * area)),
    );
  }

  private viewOf(step: number, epoch: number, fixed: Fixed, denoised: Float32Array): PreviewView {
    const { batch, noisy, clean, noisyPsnrDb } = fixed;
    const strip: PreviewStrip = {
      step,
      epoch,
      count: batch.images,
      size: this.size,
      noisy,
      denoised: toGrey8(denoised),
      clean,
      psnrDb: this.psnrs(denoised, batch.clean),
      noisyPsnrDb,
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
