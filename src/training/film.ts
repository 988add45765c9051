import {
  FILM_LIMITS,
  type FilmChange,
  type FilmFrame,
  type FilmImages,
  type FilmMoment,
} from "@/contracts/film";
import { ssim } from "@/imaging/metrics";
import { droppedSteps, isFilmStep } from "./filmSchedule";
import type { RunPlan } from "./plan";
import type { PreviewView } from "./preview";

/** Frames within epochs may take this long at the beginning, and later this share of the time of the training steps. */
const FREE_MS = 2000;
const COST_SHARE = 0.05;

/** Keeps the film of a run: which moments become frames, and which frames make room. It holds pixels only until `take`. */
export class FilmRecorder {
  private readonly plan: RunPlan;
  /** Frames stored or to be stored, ascending by step. */
  private kept: FilmMoment[];
  private pending = new Map<number, FilmFrame>();
  private dropped: number[] = [];
  private images: FilmImages | null = null;
  private begun: boolean;
  private spentMs = 0;
  private costMs = 0;

  /** `stored`: the frames kept so far; those after `step`, where the run goes on, are taken from the film. */
  constructor(stored: readonly FilmMoment[], step: number, plan: RunPlan) {
    this.plan = plan;
    this.begun = stored.length > 0;
    this.kept = stored.filter((moment) => moment.step <= step);
    this.dropped = stored.filter((moment) => moment.step > step).map((moment) => moment.step);
  }

  /** Nothing is shown yet: the first frame is due, whatever the step. */
  get isEmpty(): boolean {
    return this.kept.length === 0;
  }

  /** Whether a frame is due after this step within an epoch; `trainedMs` is the time of the training steps of this session. */
  wants(step: number, epoch: number, trainedMs: number): boolean {
    return (
      isFilmStep(step, epoch, this.plan) &&
      this.kept.at(-1)?.step !== step &&
      this.spentMs + this.costMs <= FREE_MS + COST_SHARE * trainedMs
    );
  }

  /** A frame within epochs that `wants` asked for has cost this. */
  spent(ms: number): void {
    this.spentMs += ms;
    this.costMs = ms;
  }

  /** Adds a frame; one of the same step is replaced. `moment.step` is never before an earlier one. */
  add(view: PreviewView, moment: FilmMoment): void {
    if (!this.begun) this.images = filmImages(view);
    this.begun = true;
    this.kept = [...this.kept.filter(({ step }) => step !== moment.step), moment];
    this.pending.set(moment.step, { ...moment, ...outputOf(view) });
    const gone = new Set(droppedSteps(this.kept));
    for (const step of gone) if (!this.pending.delete(step)) this.dropped.push(step);
    this.kept = this.kept.filter(({ step }) => !gone.has(step));
  }

  /** What has changed since it was last asked; null when nothing has. */
  take(): FilmChange | null {
    const { images, dropped } = this;
    const frames = [...this.pending.values()];
    this.images = null;
    this.pending = new Map();
    this.dropped = [];
    return frames.length + dropped.length > 0 ? { images, frames, dropped } : null;
  }
}

const countOf = (view: PreviewView): number => Math.min(FILM_LIMITS.images, view.strip.count);

/** Side of the pictures of a film whose images have this side. */
export const filmSide = (sourceSide: number): number => Math.min(FILM_LIMITS.side, sourceSide);

function filmImages(view: PreviewView): FilmImages {
  const { strip, batch, indices } = view;
  const count = countOf(view);
  return {
    count,
    side: filmSide(strip.size),
    sourceSide: strip.size,
    indices: [...indices.subarray(0, count)],
    noisy: pickedPixels(strip.noisy, count, strip.size),
    clean: pickedPixels(strip.clean, count, strip.size),
    noisyPsnrDb: strip.noisyPsnrDb.slice(0, count),
    noisySsim: ssims(batch.noisy, view),
  };
}

function outputOf(view: PreviewView): Pick<FilmFrame, "psnrDb" | "ssim" | "denoised"> {
  const { strip } = view;
  const count = countOf(view);
  return {
    psnrDb: strip.psnrDb.slice(0, count),
    ssim: ssims(view.denoised, view),
    denoised: pickedPixels(strip.denoised, count, strip.size),
  };
}

function ssims(test: Float32Array, view: PreviewView): number[] {
  const { size } = view.strip;
  const part = (pixels: Float32Array, image: number): Float32Array =>
    pixels.subarray(image * size ** 2, (image + 1) * size ** 2);
  return Array.from({ length: countOf(view) }, (_, image) =>
    ssim(part(test, image), part(view.batch.clean, image), size, size),
  );
}

/** [≥ count, size, size] → [count, side, side]: of each cell the pixel in its middle. */
export function pickedPixels(pixels: Uint8Array, count: number, size: number): Uint8Array<ArrayBuffer> {
  const side = filmSide(size);
  const places = Array.from({ length: side }, (_, i) => Math.floor(((i + 0.5) * size) / side));
  const picked = new Uint8Array(count * side * side);
  let to = 0;
  for (let image = 0; image < count; image++)
    for (const row of places)
      for (const column of places) picked[to++] = pixels[(image * size + row) * size + column] as number;
  return picked;
}
