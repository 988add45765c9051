import { FILM_LIMITS, type FilmMoment } from "@/contracts/film";
import type { RunPlan } from "./plan";

/** Frames within epochs that a run of few epochs gets beside those at their ends, about. */
const FRAMES_WITHIN_EPOCHS = 32;

/**
 * Whether a film has a frame after this step, in the middle of an epoch: after steps 1, 2, 3, 4, 6, 8, 12, 16 … of the first
 * epoch, where the pictures change most, and evenly spread over a run of few, long epochs. Ends of epochs have frames of
 * their own.
 */
export function isFilmStep(step: number, epoch: number, plan: RunPlan): boolean {
  if (epoch === 1 && isHalfOctave(step)) return true;
  const stride = Math.ceil(plan.totalSteps / FRAMES_WITHIN_EPOCHS);
  return stride < plan.stepsPerEpoch && step % stride === 0;
}

/** 1, 2, 3, 4, 6, 8, 12, …: 2ᵏ and 3 · 2ᵏ. */
function isHalfOctave(step: number): boolean {
  let odd = step;
  while (odd > 1 && odd % 2 === 0) odd /= 2;
  return odd === 1 || odd === 3;
}

/**
 * The steps to drop so that `limit` frames are left: one after the other, the one that leaves the smallest gap, measured both
 * by steps and by their ratio, whichever is the larger share of the whole. So the beginning stays dense in octaves and the rest
 * in steps. The first, the last and the best frame (lowest validation loss, the earliest of several) stay. `moments` ascend by step.
 */
export function droppedSteps(
  moments: readonly FilmMoment[],
  limit: number = FILM_LIMITS.frames,
): readonly number[] {
  const kept = moments.slice();
  const dropped: number[] = [];
  const best = bestStep(moments);
  const end = Math.max(1, moments.at(-1)?.step ?? 1);
  const gapAt = (place: number): number => {
    const before = kept[place - 1]?.step ?? 0;
    const after = kept[place + 1]?.step ?? end;
    return Math.max((after - before) / end, Math.log((after + 1) / (before + 1)) / Math.log(end + 1));
  };
  while (kept.length > limit) {
    let place = -1;
    let smallest = Number.POSITIVE_INFINITY;
    for (let i = 1; i < kept.length - 1; i++) {
      const gap = gapAt(i);
      if (kept[i]?.step === best || gap >= smallest) continue;
      smallest = gap;
      place = i;
    }
    const [gone] = place < 0 ? [] : kept.splice(place, 1);
    if (!gone) break;
    dropped.push(gone.step);
  }
  return dropped;
}

/** The step of the frame with the lowest validation loss; null when none was validated. */
export function bestStep(moments: readonly FilmMoment[]): number | null {
  let best: { step: number; loss: number } | null = null;
  for (const { step, validationLoss: loss } of moments)
    if (loss !== null && (best === null || loss < best.loss)) best = { step, loss };
  return best?.step ?? null;
}
