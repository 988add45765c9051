import { describe, expect, it } from "vitest";
import type { ImageReader } from "@/contracts/dataset";
import { FILM_LIMITS } from "@/contracts/film";
import { ssim } from "@/imaging/metrics";
import { PairMaker } from "./batches";
import { FilmRecorder, filmSide, pickedPixels } from "./film";
import { LinearExecutor, linearWeights } from "./linearExecutor.fixture";
import type { RunPlan } from "./plan";
import { Previewer } from "./preview";

const SIZE = 160;
const PLAN: RunPlan = { stepsPerEpoch: 10, totalSteps: 1000, epochs: 100, imagesIn: (steps) => steps };
const readerOf = (size: number): ImageReader => ({
  count: 9,
  size,
  patientKeys: [],
  read: async (indices) =>
    Uint8Array.from(
      { length: indices.length * size * size },
      (_, i) => ((indices[Math.floor(i / size ** 2)] as number) * 9 + i) % 256,
    ),
});
const previewer = (size = SIZE) =>
  new Previewer(
    new LinearExecutor(linearWeights()),
    new PairMaker(readerOf(size), { mean: 0, std: 0.2, draw: "fresh" }, 1),
    Uint32Array.of(2, 3, 5, 7),
    size,
    () => 0,
  );

describe("a film", () => {
  it("keeps three images, whole, at no more than 128², with the figures of the full size", async () => {
    const view = await previewer().render(0, 0);
    const film = new FilmRecorder([], 0, PLAN);
    expect(film.isEmpty).toBe(true);
    film.add(view, { step: 0, epoch: 0, validationLoss: null });
    const change = film.take();
    expect(change).toMatchObject({
      dropped: [],
      images: { count: 3, side: 128, sourceSide: SIZE, indices: [2, 3, 5] },
    });
    const [frame] = change?.frames ?? [];
    expect(frame?.denoised.length).toBe(3 * 128 * 128);
    // The network of these weights changes nothing.
    expect(frame?.denoised).toEqual(change?.images?.noisy);
    expect(frame?.psnrDb).toEqual(view.strip.psnrDb.slice(0, 3));
    const image = (pixels: Float32Array) => pixels.subarray(SIZE ** 2, 2 * SIZE ** 2);
    expect(frame?.ssim[1]).toBe(ssim(image(view.denoised), image(view.batch.clean), SIZE, SIZE));
    expect(film.take()).toBeNull();
  });

  it("shows single pixels of large images, so that the noise keeps its strength", () => {
    const row = Uint8Array.from({ length: 256 * 256 }, (_, i) => i % 256);
    const picked = pickedPixels(row, 1, 256);
    expect([...picked.subarray(0, 4)]).toEqual([1, 3, 5, 7]);
    expect(picked[127]).toBe(255);
    expect(filmSide(64)).toBe(64);
    const small = Uint8Array.from({ length: 64 * 64 }, (_, i) => i % 251);
    expect(pickedPixels(small, 1, 64)).toEqual(small);
  });

  it("goes on where a stored one ends: known images, no later frames, no frame twice", async () => {
    const view = await previewer().render(20, 2);
    const stored = [0, 10, 20, 30].map((step) => ({ step, epoch: step / 10, validationLoss: null }));
    const film = new FilmRecorder(stored, 20, PLAN);
    expect(film.isEmpty).toBe(false);
    film.add(view, { step: 20, epoch: 2, validationLoss: 0.5 });
    expect(film.take()).toMatchObject({
      images: null,
      dropped: [30],
      frames: [{ step: 20, validationLoss: 0.5 }],
    });
  });

  it("never grows over its bound, whether frames are stored or not yet", async () => {
    const view = await previewer(16).render(0, 0);
    for (const storedAfter of [1, 7, 1000]) {
      const film = new FilmRecorder([], 0, PLAN);
      const stored = new Set<number>();
      for (let epoch = 0; epoch <= 300; epoch++) {
        film.add(view, { step: epoch * 10, epoch, validationLoss: 1 / (1 + epoch) });
        if (epoch % storedAfter !== 0 && epoch < 300) continue;
        const change = film.take();
        for (const step of change?.dropped ?? []) expect(stored.delete(step)).toBe(true);
        for (const { step } of change?.frames ?? []) stored.add(step);
        expect(stored.size).toBeLessThanOrEqual(FILM_LIMITS.frames);
      }
      expect(stored.size).toBe(FILM_LIMITS.frames);
      expect(stored.has(0) && stored.has(3000)).toBe(true);
    }
  });

  it("pays for frames within epochs out of two seconds and a twentieth of the training", () => {
    const film = new FilmRecorder([{ step: 0, epoch: 0, validationLoss: null }], 0, PLAN);
    expect(film.wants(1, 1, 0)).toBe(true);
    film.spent(1200);
    expect(film.wants(2, 1, 0)).toBe(false);
    expect(film.wants(2, 1, 8_000)).toBe(true);
    expect(film.wants(5, 1, 1e6)).toBe(false);
    expect(film.wants(6, 1, 1e6)).toBe(true);
    expect(film.wants(6, 2, 1e6)).toBe(false);
  });
});
