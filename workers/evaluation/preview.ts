import { LabError } from "@/contracts/failure";
import type { GreyImage, NoisePreview, NoisePreviewRequest } from "@/contracts/workers";
import { denoiseImage } from "@/evaluation/denoise";
import { histogram } from "@/imaging/histogram";
import { psnrDb, ssim } from "@/imaging/metrics";
import { addNoise, unitPixels } from "@/imaging/noise";
import type { Denoiser } from "./denoiser";
import type { ImageSource } from "./images";
import { nextTask } from "./nextTask";

/**
 * Share of pixels that the clamp to [0, 1] changed. With σ > 0 a value on the bound was clamped (one in millions lands
 * there by itself); with σ = 0 the shift is the mean.
 */
function clampedShare(
  clean: Float32Array,
  noisy: Float32Array,
  noise: { mean: number; std: number },
): number {
  let clamped = 0;
  for (let i = 0; i < noisy.length; i++) {
    const value = noisy[i] as number;
    const shifted = (clean[i] as number) + noise.mean;
    if (noise.std > 0 ? value === 0 || value === 1 : shifted < 0 || shifted > 1) clamped++;
  }
  return clamped / noisy.length;
}

/**
 * Makes noise previews for sliders: the latest request wins. One that is no longer the latest when its turn comes ends
 * with `internal/superseded` before any heavy work.
 */
export class PreviewMaker {
  private readonly images: ImageSource;
  private readonly denoiser: Denoiser;
  private latest = 0;

  constructor(images: ImageSource, denoiser: Denoiser) {
    this.images = images;
    this.denoiser = denoiser;
  }

  /** Metrics are of the outputs as they are, not clamped. */
  async make(request: NoisePreviewRequest): Promise<NoisePreview> {
    const own = ++this.latest;
    const stillWanted = (): void => {
      if (own !== this.latest)
        throw new LabError(
          "internal/superseded",
          "A newer preview was asked for.",
          "The newer one is on its way.",
        );
    };
    await nextTask();
    stillWanted();
    const { size, pixels } = await this.images.read(request.source);
    stillWanted();
    const { noise, seed } = request;
    const index = request.source.index;
    const clean = grey(size, new Float32Array(pixels.length));
    const noisy = grey(size, new Float32Array(pixels.length));
    unitPixels(pixels, clean.data, 0);
    addNoise(pixels, noise, { seed, index, visit: 0 }, noisy.data, 0);
    const denoised =
      request.modelId === null ? null : await this.denoise(request.modelId, noisy, stillWanted);
    return {
      clean,
      noisy,
      denoised,
      cleanHistogram: histogram(clean.data),
      noisyHistogram: histogram(noisy.data),
      noisyPsnrDb: psnrDb(noisy.data, clean.data),
      noisySsim: ssim(noisy.data, clean.data, size, size),
      denoisedPsnrDb: denoised && psnrDb(denoised.data, clean.data),
      denoisedSsim: denoised && ssim(denoised.data, clean.data, size, size),
      clampedShare: clampedShare(clean.data, noisy.data, noise),
    };
  }

  private async denoise(modelId: string, noisy: GreyImage, stillWanted: () => void): Promise<GreyImage> {
    const { data } = await denoiseImage({
      image: noisy,
      multiple: await this.denoiser.sideMultiple(modelId),
      infer: async (tile, height, width) => {
        stillWanted();
        return (await this.denoiser.infer(modelId, tile, 1, height, width)).output;
      },
    });
    return grey(noisy.width, data);
  }
}

const grey = (size: number, data: Float32Array<ArrayBuffer>): GreyImage => ({
  width: size,
  height: size,
  data,
});
