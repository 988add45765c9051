import type { FilmChange, FilmMoment } from "@/contracts/film";
import type { PreviewStrip } from "@/contracts/training";
import type { Executor } from "@/engine/executor";
import type { PairMaker } from "./batches";
import { FilmRecorder } from "./film";
import type { RunPlan } from "./plan";
import { Previewer, type PreviewView } from "./preview";

/** Where a run is: optimiser steps done, and the epoch they belong to (1-based). */
export interface Place {
  readonly step: number;
  readonly epoch: number;
}

/**
 * The pictures of a run: what is shown live, and what its film keeps. Both come from the same few validation images through the
 * network as it is; none of it changes the numbers.
 */
export class Pictures {
  private readonly previewer: Previewer;
  private readonly film: FilmRecorder;
  private readonly now: () => number;
  private preview: PreviewStrip | null = null;

  constructor(request: {
    readonly executor: Executor;
    readonly pairs: PairMaker;
    readonly validation: Uint32Array;
    readonly size: number;
    readonly plan: RunPlan;
    /** The frames stored so far, and the step that the run goes on from. */
    readonly film: readonly FilmMoment[];
    readonly step: number;
    readonly now: () => number;
  }) {
    const { executor, pairs, validation, size, plan, film, step, now } = request;
    this.previewer = new Previewer(executor, pairs, validation, size, now);
    this.film = new FilmRecorder(film, step, plan);
    this.now = now;
  }

  /** Before the first step of this session. */
  async begin({ step, epoch }: Place): Promise<PreviewStrip> {
    // Kept under the epoch it shows: 0 is the untrained network.
    const place = { step, epoch: step === 0 ? 0 : epoch };
    const view = await this.render(place);
    if (step === 0) this.preview = view.strip;
    if (this.film.isEmpty) this.film.add(view, { ...place, validationLoss: null });
    return view.strip;
  }

  /** After a step that does not end its epoch; null when there is nothing to show. `trainedMs`: the steps of this session. */
  async afterStep(place: Place, trainedMs: number): Promise<PreviewStrip | null> {
    const filmed = this.film.wants(place.step, place.epoch, trainedMs);
    if (!filmed && !this.previewer.isDue()) return null;
    const begunMs = this.now();
    const view = await this.render(place);
    if (filmed) {
      this.film.add(view, { ...place, validationLoss: null });
      this.film.spent(this.now() - begunMs);
    }
    return view.strip;
  }

  /** What the network made of `images` validation images from place `first` on, [images, size, size]. */
  validated(first: number, images: number, denoised: Float32Array): void {
    this.previewer.seen(first, images, denoised);
  }

  /** After the validation of an epoch, of which every image was told. */
  async afterEpoch(place: Place, validationLoss: number): Promise<PreviewStrip> {
    const view = await this.previewer.afterValidation(place.step, place.epoch);
    this.preview = view.strip;
    this.film.add(view, { ...place, validationLoss });
    return view.strip;
  }

  /** What is to be stored since it was last asked. */
  take(): { readonly preview: PreviewStrip | null; readonly film: FilmChange | null } {
    const { preview } = this;
    this.preview = null;
    return { preview, film: this.film.take() };
  }

  private render({ step, epoch }: Place): Promise<PreviewView> {
    return this.previewer.render(step, epoch);
  }
}
