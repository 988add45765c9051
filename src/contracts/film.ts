/**
 * Bounds of a run's film: pictures, their longest side, and frames. Stored as bytes that is at most
 * 3 · 128² · (56 + 2) = 2.9 MB, however long the run.
 */
export const FILM_LIMITS = { images: 3, side: 128, frames: 56 } as const;

/** The few fixed validation images that a run's film shows. Pixels are u8 grey, [count, side, side]. */
export interface FilmImages {
  readonly count: number;
  /**
   * Side of the pictures, and of the run's images. Larger images are shown by single pixels of theirs, evenly spread: a mean
   * of several would take away the noise that the film is about.
   */
  readonly side: number;
  readonly sourceSide: number;
  /** Their places in the dataset. */
  readonly indices: readonly number[];
  readonly noisy: Uint8Array<ArrayBuffer>;
  readonly clean: Uint8Array<ArrayBuffer>;
  /** Of the whole images, at `sourceSide`. */
  readonly noisyPsnrDb: readonly number[];
  readonly noisySsim: readonly number[];
}

/** A moment of the training that the film shows. */
export interface FilmMoment {
  /** Optimiser steps done; 0: the network before training. */
  readonly step: number;
  /** Epoch of that step, 1-based; 0 before the first. */
  readonly epoch: number;
  /** Loss on the whole validation set where the epoch ended with this step; null within an epoch. */
  readonly validationLoss: number | null;
}

/** The images as the network gives them back at one moment. */
export interface FilmFrame extends FilmMoment {
  /** Of the whole images, at `sourceSide`, not clamped. */
  readonly psnrDb: readonly number[];
  readonly ssim: readonly number[];
  readonly denoised: Uint8Array<ArrayBuffer>;
}

export interface Film {
  readonly images: FilmImages;
  /** Ascending by step. */
  readonly frames: readonly FilmFrame[];
}

/** What a stretch of training adds to a stored film and takes from it. */
export interface FilmChange {
  /** Null when they are stored already. */
  readonly images: FilmImages | null;
  readonly frames: readonly FilmFrame[];
  /** Steps of stored frames that make room. */
  readonly dropped: readonly number[];
}
