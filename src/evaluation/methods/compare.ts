import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { ImageMetrics, PairedComparison, PriorMethodResult } from "@/contracts/training";
import { psnrDb } from "@/imaging/metrics";
import type { NoiseAmount } from "@/imaging/noise";
import { meanInterval } from "../interval";
import type { TestLpips } from "../lpips/testLpips";
import { furtherMeans, type Measures, meanOf, sameNoise } from "../measures";
import { bootstrapMean } from "../statistics/bootstrap";
import { pairedDifferences } from "../statistics/differences";
import { holm } from "../statistics/holm";
import { pairedT } from "../statistics/pairedT";
import { wilcoxonSignedRank } from "../statistics/wilcoxon";
import { noisyTestImages, type TestBatch } from "../testSet";
import type { DenoisingMethod } from "./method";
import type { MethodRunner } from "./task";

export interface ComparisonRequest {
  readonly reader: ImageReader;
  /** The run's test images with the network's metrics. */
  readonly perImage: readonly ImageMetrics[];
  /** Of the run: methods see the noise that its network saw. */
  readonly noise: NoiseAmount;
  readonly seed: number;
  readonly methods: readonly Pick<DenoisingMethod, "name" | "title">[];
  readonly runner: MethodRunner;
  /** Measures LPIPS too, with the network of the run's own; null: it is not measured. Stays the caller's to dispose. */
  readonly lpips: Pick<TestLpips, "distances"> | null;
  /** After each image and method. */
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  /** Asked before each; true ends the comparison with `run/cancelled`. */
  readonly shouldStop: () => boolean;
  /** Awaited before each, so that a cancel can be heard. */
  readonly breathe: () => Promise<void>;
}

/** Of one method, by place among the test images. */
interface Measured {
  readonly measures: Measures[];
  readonly seconds: number[];
  readonly lpips: (number | null)[];
}

/**
 * Every method on every noisy test image of a run, and paired against its network; the same numbers however many lanes
 * the runner has. LPIPS that fails is null: it ends no comparison. Fails with `run/cancelled`, and with
 * `run/other-images` when the stored images and their noise are not those that the network was tested on.
 */
export async function compareMethods(request: ComparisonRequest): Promise<PriorMethodResult[]> {
  const { perImage, methods, lpips } = request;
  const measured = await measureMethods(request);
  const network = perImage.map((image) => image.psnrDb);
  const tests = measured.map(({ measures }) =>
    compared(
      network,
      measures.map((one) => one.psnrDb),
      request.seed,
    ),
  );
  const corrected = holm(tests.map(({ wilcoxonP }) => wilcoxonP));
  return methods.map(({ name, title }, place) => {
    const { measures, seconds, lpips: distances } = measured[place] as Measured;
    const versusNetwork = { ...(tests[place] as Test), holmP: corrected[place] as number };
    return {
      name,
      title,
      psnrDb: meanInterval(measures.map((one) => one.psnrDb)),
      ssim: meanInterval(measures.map((one) => one.ssim)),
      ...furtherMeans(measures),
      ...(lpips && { lpips: meanOf(distances) ?? null }),
      seconds: seconds.reduce((sum, value) => sum + value, 0) / perImage.length,
      versusNetwork,
    };
  });
}

/** The tasks image by image, methods in turn; each lane takes the next that nobody has taken. */
async function measureMethods(request: ComparisonRequest): Promise<Measured[]> {
  const { reader, perImage, methods, runner, noise } = request;
  const { size } = reader;
  const measured: Measured[] = methods.map(() => ({ measures: [], seconds: [], lpips: [] }));
  const total = perImage.length * methods.length;
  let [taken, done, ended] = [0, 0, false];
  /** What is kept of an image while methods are at work on it. */
  const open = new Map<
    number,
    { noisy: ReturnType<typeof testImage>; outputs: Float32Array[]; left: number }
  >();
  const opened = (place: number) => {
    const known = open.get(place);
    if (known) return known;
    const image = { noisy: testImage(request, place), outputs: [], left: methods.length };
    open.set(place, image);
    return image;
  };
  const finishImage = async (place: number): Promise<void> => {
    const image = opened(place);
    open.delete(place);
    const { clean } = await image.noisy;
    const distances = await request.lpips?.distances(clean, image.outputs, 1, size);
    for (const [method, of] of measured.entries()) of.lpips[place] = distances?.[method]?.[0] ?? null;
  };
  const lane = async (): Promise<void> => {
    while (taken < total && !ended) {
      const place = Math.floor(taken / methods.length);
      const number = taken % methods.length;
      taken++;
      await request.breathe();
      if (request.shouldStop())
        throw new LabError(
          "run/cancelled",
          `The comparison was ended after ${done} of ${total} pictures.`,
          "Start it again for results.",
        );
      const image = opened(place);
      const { clean, noisy } = await image.noisy;
      const method = (methods[number] as DenoisingMethod).name;
      const { denoised, measures, seconds } = await runner.run({ method, clean, noisy, size, noise });
      const of = measured[number] as Measured;
      of.measures[place] = measures;
      of.seconds[place] = seconds;
      image.outputs[number] = denoised;
      if (--image.left === 0) await finishImage(place);
      request.onProgress({ done: ++done, total });
    }
  };
  const guarded = (): Promise<void> =>
    lane().catch((error: unknown) => {
      ended = true;
      throw error;
    });
  // All come to rest before a failure is told: none may report progress after it.
  const lanes = await Promise.allSettled(Array.from({ length: runner.lanes }, guarded));
  for (const outcome of lanes) if (outcome.status === "rejected") throw outcome.reason;
  return measured;
}

/** The image at a place of the test with its noise. Fails with `run/other-images`. */
async function testImage(
  request: ComparisonRequest,
  place: number,
): Promise<Pick<TestBatch, "clean" | "noisy">> {
  const image = request.perImage[place] as ImageMetrics;
  const { clean, noisy } = await noisyTestImages(request, [image.index]);
  requireSameNoise(image, psnrDb(noisy, clean));
  return { clean, noisy };
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
  if (sameNoise(noisyDb, image.noisyPsnrDb)) return;
  throw new LabError(
    "run/other-images",
    `Test image ${image.index} has ${noisyDb.toFixed(2)} dB with its noise here; the network was tested on ${image.noisyPsnrDb.toFixed(2)} dB.`,
    "Compare methods with a run that was trained on the images stored here.",
  );
}
