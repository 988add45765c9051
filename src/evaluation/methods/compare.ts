import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { ImageMetrics, PairedComparison, PriorMethodResult } from "@/contracts/training";
import { psnrDb, ssim } from "@/imaging/metrics";
import type { NoiseAmount } from "@/imaging/noise";
import { meanInterval } from "../interval";
import { bootstrapMean } from "../statistics/bootstrap";
import { pairedDifferences } from "../statistics/differences";
import { holm } from "../statistics/holm";
import { pairedT } from "../statistics/pairedT";
import { wilcoxonSignedRank } from "../statistics/wilcoxon";
import { noisyTestImages } from "../testSet";
import type { DenoisingMethod } from "./method";

/** PSNR values in files have three digits or more: what differs by more than this is another picture or another noise. */
const SAME_NOISE_DB = 0.01;

export interface ComparisonRequest {
  readonly reader: ImageReader;
  /** The run's test images with the network's metrics. */
  readonly perImage: readonly ImageMetrics[];
  /** Of the run: methods see the noise that its network saw. */
  readonly noise: NoiseAmount;
  readonly seed: number;
  readonly methods: readonly DenoisingMethod[];
  /** After each image and method. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  /** Asked before each; true ends the comparison with `run/cancelled`. */
  readonly shouldStop: () => boolean;
  /** Awaited before each, so that a cancel can be heard. */
  readonly breathe: () => Promise<void>;
}

interface Measured {
  readonly psnrDb: number[];
  readonly ssim: number[];
  seconds: number;
}

/**
 * Every method on every noisy test image of a run, and paired against its network. Fails with `run/cancelled`, and with
 * `run/other-images` when the stored images and their noise are not those that the network was tested on.
 */
export async function compareMethods(request: ComparisonRequest): Promise<PriorMethodResult[]> {
  const { reader, perImage, noise, methods } = request;
  const { size } = reader;
  const measured: Measured[] = methods.map(() => ({ psnrDb: [], ssim: [], seconds: 0 }));
  const total = perImage.length * methods.length;
  let done = 0;
  for (const image of perImage) {
    const { clean, noisy } = await noisyTestImages(request, [image.index]);
    requireSameNoise(image, psnrDb(noisy, clean));
    for (const [place, method] of methods.entries()) {
      await request.breathe();
      if (request.shouldStop())
        throw new LabError(
          "run/cancelled",
          `The comparison was ended after ${done} of ${total} pictures.`,
          "Start it again for results.",
        );
      const started = performance.now();
      const denoised = method.denoise({ data: noisy, width: size, height: size }, noise);
      const of = measured[place] as Measured;
      of.seconds += (performance.now() - started) / 1000;
      of.psnrDb.push(psnrDb(denoised, clean));
      of.ssim.push(ssim(denoised, clean, size, size));
      request.onProgress({ done: ++done, total });
    }
  }
  const network = perImage.map((image) => image.psnrDb);
  const tests = measured.map((of) => compared(network, of.psnrDb, request.seed));
  const corrected = holm(tests.map(({ wilcoxonP }) => wilcoxonP));
  return methods.map(({ name, title }, place) => {
    const of = measured[place] as Measured;
    const versusNetwork = { ...(tests[place] as Test), holmP: corrected[place] as number };
    return {
      name,
      title,
      psnrDb: meanInterval(of.psnrDb),
      ssim: meanInterval(of.ssim),
      seconds: of.seconds / perImage.length,
      versusNetwork,
    };
  });
}

type Test = Omit<PairedComparison, "holmP">;

function compared(network: readonly number[], method: readonly number[], seed: number): Test {
  const differences = pairedDifferences(network, method);
  const { p: tP, cohensD } = pairedT(differences);
  const { p: wilcoxonP, rankBiserial } = wilcoxonSignedRank(differences);
  const differenceDb = {
    mean: meanInterval(differences).mean,
    ...bootstrapMean(differences, seed, "bca"),
  };
  return { differenceDb, wilcoxonP, tP, cohensD, rankBiserial };
}

function requireSameNoise(image: ImageMetrics, noisyDb: number): void {
  if (noisyDb === image.noisyPsnrDb || Math.abs(noisyDb - image.noisyPsnrDb) <= SAME_NOISE_DB) return;
  throw new LabError(
    "run/other-images",
    `Test image ${image.index} has ${noisyDb.toFixed(2)} dB with its noise here; the network was tested on ${image.noisyPsnrDb.toFixed(2)} dB.`,
    "Compare methods with a run that was trained on the images stored here.",
  );
}
