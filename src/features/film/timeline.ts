import type { Film, FilmFrame } from "@/contracts/film";

/** What films are aligned by: optimiser steps, epochs, or the share of each one's training so far. */
export type FilmAxis = "step" | "epoch" | "share";

/** A film and what turns its steps into epochs. */
export interface Reel {
  readonly film: Film;
  readonly stepsPerEpoch: number;
}

/** Places nearer to each other than this are one: shares of two runs differ by rounding. */
const PLACE_DIGITS = 6;

/** Where a step lies on an axis. */
export function placeOf(step: number, { film, stepsPerEpoch }: Reel, axis: FilmAxis): number {
  const round = (value: number): number => Number(value.toFixed(PLACE_DIGITS));
  switch (axis) {
    case "step":
      return step;
    case "epoch":
      return round(step / stepsPerEpoch);
    case "share":
      return round(step / Math.max(1, film.frames.at(-1)?.step ?? 1));
    default:
      return axis satisfies never;
  }
}

/** The places of all frames of all films, ascending, each once: where the slider can stand. */
export function notchesOf(reels: readonly Reel[], axis: FilmAxis): number[] {
  const places = reels.flatMap((reel) => reel.film.frames.map(({ step }) => placeOf(step, reel, axis)));
  return [...new Set(places)].sort((a, b) => a - b);
}

/** The index of the last of ascending `places` that is not after `place`; 0 when all are. */
export function lastNotAfter(places: readonly number[], place: number): number {
  return Math.max(
    0,
    places.findLastIndex((value) => value <= place),
  );
}

/** The frame that a film shows at a place: the nearest one at or before it, else its first. */
export function frameAt(reel: Reel, axis: FilmAxis, place: number): FilmFrame | null {
  const places = reel.film.frames.map(({ step }) => placeOf(step, reel, axis));
  return reel.film.frames[lastNotAfter(places, place)] ?? null;
}

/** How the pictures of two films relate: whether a comparison picture by picture is fair. */
export function relationOf(a: Film, b: Film): "same" | "other-noise" | "other-images" {
  const equal = (x: Uint8Array, y: Uint8Array): boolean =>
    x.length === y.length && x.every((value, i) => value === y[i]);
  if (a.images.sourceSide !== b.images.sourceSide || !equal(a.images.clean, b.images.clean))
    return "other-images";
  return equal(a.images.noisy, b.images.noisy) ? "same" : "other-noise";
}
