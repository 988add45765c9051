import { expect, it } from "vitest";
import type { NoisePreview } from "@/contracts/workers";
import { keepClean, type ShownPreview } from "./noisePreview";

const shownFor = (index: number, std: number): ShownPreview => {
  const image = { width: 1, height: 1, data: new Float32Array([0.5]) };
  const preview: NoisePreview = {
    clean: image,
    noisy: { ...image },
    denoised: null,
    cleanHistogram: new Uint32Array(256),
    noisyHistogram: new Uint32Array(256),
    noisyPsnrDb: 20,
    noisySsim: 0.5,
    denoisedPsnrDb: null,
    denoisedSsim: null,
    clampedShare: 0,
  };
  return {
    preview,
    request: {
      source: { kind: "phantom", seed: 42, index, size: 256 },
      noise: { mean: 0, std },
      seed: 1,
      modelId: null,
    },
    ms: 1,
  };
};

it("keeps the clean image that is drawn while only the noise changes, and takes the new noisy one", () => {
  const before = shownFor(0, 0.1);
  const next = shownFor(0, 0.2);
  const kept = keepClean(before, next);
  expect(kept.preview.clean).toBe(before.preview.clean);
  expect(kept.preview.cleanHistogram).toBe(before.preview.cleanHistogram);
  expect(kept.preview.noisy).toBe(next.preview.noisy);
  expect(kept.request).toBe(next.request);
});

it("takes the clean image of another source", () => {
  const next = shownFor(1, 0.1);
  expect(keepClean(shownFor(0, 0.1), next)).toBe(next);
  expect(keepClean(null, next)).toBe(next);
});
