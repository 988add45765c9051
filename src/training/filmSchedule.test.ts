import { describe, expect, it } from "vitest";
import { FILM_LIMITS, type FilmMoment } from "@/contracts/film";
import { bestStep, droppedSteps, isFilmStep } from "./filmSchedule";
import type { RunPlan } from "./plan";

const planOf = (stepsPerEpoch: number, epochs: number): RunPlan => ({
  stepsPerEpoch,
  totalSteps: stepsPerEpoch * epochs,
  epochs,
  imagesIn: (steps) => steps,
});

const stepsWithin = (plan: RunPlan): number[] =>
  Array.from({ length: plan.totalSteps }, (_, i) => i + 1).filter(
    (step) => step % plan.stepsPerEpoch !== 0 && isFilmStep(step, Math.ceil(step / plan.stepsPerEpoch), plan),
  );

/** A film as it grows: every moment is added, and what is dropped stays away. */
function grown(moments: readonly FilmMoment[]): { film: FilmMoment[]; most: number } {
  let film: FilmMoment[] = [];
  let most = 0;
  for (const moment of moments) {
    film.push(moment);
    const gone = new Set(droppedSteps(film));
    film = film.filter(({ step }) => !gone.has(step));
    most = Math.max(most, film.length);
  }
  return { film, most };
}

const atEpochs = (epochs: number, stepsPerEpoch: number, lossOf: (epoch: number) => number): FilmMoment[] =>
  Array.from({ length: epochs + 1 }, (_, epoch) => ({
    step: epoch * stepsPerEpoch,
    epoch,
    validationLoss: epoch === 0 ? null : lossOf(epoch),
  }));

describe("frames within epochs", () => {
  it("come after 1, 2, 3, 4, 6, 8, 12 … steps of the first epoch of a long run, and no more", () => {
    expect(stepsWithin(planOf(100, 200))).toEqual([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96]);
    expect(stepsWithin(planOf(1, 50))).toEqual([]);
  });

  it("are spread over a run of one long epoch", () => {
    const steps = stepsWithin(planOf(32_000, 1));
    for (let step = 1000; step < 32_000; step += 1000) expect(steps).toContain(step);
    expect(steps.length).toBeLessThan(FILM_LIMITS.frames + 8);
  });
});

describe("thinning", () => {
  it.each([
    ["10,000 epochs, the best early", 10_000, 7, 300],
    ["10,000 epochs, the best at the end", 10_000, 3, 10_000],
    ["57 epochs", 57, 250, 20],
  ])("of %s keeps first, best and last within the bound", (_, epochs, stepsPerEpoch, best) => {
    const moments = atEpochs(epochs, stepsPerEpoch, (epoch) => Math.abs(epoch - best) + 1);
    const { film, most } = grown(moments);
    expect(most).toBe(FILM_LIMITS.frames);
    const steps = film.map(({ step }) => step);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps[0]).toBe(0);
    expect(steps.at(-1)).toBe(epochs * stepsPerEpoch);
    expect(steps).toContain(best * stepsPerEpoch);
    expect(bestStep(film)).toBe(best * stepsPerEpoch);
  });

  it("leaves no part of a long run without frames, and the beginning densest", () => {
    const early = [1, 2, 3, 4, 6].map((step) => ({ step, epoch: 1, validationLoss: null }));
    const [first, ...rest] = atEpochs(10_000, 7, (epoch) => 1 / epoch);
    const { film } = grown([first as FilmMoment, ...early, ...rest]);
    const steps = film.map(({ step }) => step);
    const gaps = steps.slice(1).map((step, i) => step - (steps[i] as number));
    // Evenly spread frames would be 70,000 / 55 steps apart.
    expect(Math.max(...gaps)).toBeLessThan((4 * 70_000) / 55);
    expect(steps.filter((step) => step <= 70).length).toBeGreaterThanOrEqual(5);
  });

  it("drops nothing of a short run, and never what it must keep", () => {
    expect(droppedSteps(atEpochs(20, 5, (epoch) => 1 / epoch))).toEqual([]);
    const three = atEpochs(2, 5, (epoch) => epoch);
    expect(droppedSteps(three, 1)).toEqual([]);
    expect(droppedSteps([], 1)).toEqual([]);
  });
});
