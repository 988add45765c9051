import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { RunRecord } from "@/contracts/run";
import type { StudyPicture } from "@/contracts/studyReport";
import type { ComparisonProgress } from "@/contracts/workers";
import { sameNoise } from "@/evaluation/measures";
import { denoiseTestBatch } from "@/evaluation/testSet";
import { psnrDb } from "@/imaging/metrics";
import { openImageReader } from "@/storage/datasets";
import { modelIdsOfRun } from "@/storage/models";
import { readerAtSize } from "@/training/resizedReader";
import type { Denoiser } from "./denoiser";
import { datasetOf } from "./runs";

/** Kept for other crops: 300 pictures of 256², or 20 of 1024². */
const KEPT_BYTES = 256e6;

const bytesOf = ({ clean, noisy, denoised }: StudyPicture): number =>
  clean.byteLength + noisy.byteLength + denoised.byteLength;

/** What a run's pictures are made from. */
interface PictureSource {
  readonly reader: ImageReader;
  readonly modelId: string;
}

/** The images and best weights of a run, or the sentence that says which of them is missing. */
async function sourceOf(run: RunRecord): Promise<PictureSource | string> {
  const dataset = await datasetOf(run);
  const modelId = (await modelIdsOfRun(run.id)).find((id) => id.endsWith("-best"));
  if (!dataset || modelId === undefined)
    return `No pictures of ${run.name}: its ${dataset ? "best weights" : "test images"} are not stored here.`;
  return { reader: readerAtSize(await openImageReader(dataset.id), run.config.data.size), modelId };
}

export interface PicturesRequest {
  readonly runs: readonly RunRecord[];
  /** Content hashes of test images. */
  readonly keys: readonly string[];
  readonly onProgress: (progress: ComparisonProgress) => void;
  readonly cancelled: () => boolean;
}

export interface MadePictures {
  readonly pictures: readonly StudyPicture[];
  /** Runs without pictures and why, a sentence each. */
  readonly leftOut: readonly string[];
}

/** Makes the pictures of reports and keeps them, the ones made last longest. */
export class StudyPictures {
  private readonly kept = new Map<string, StudyPicture>();
  private readonly denoiser: Denoiser;

  constructor(denoiser: Denoiser) {
    this.denoiser = denoiser;
  }

  /**
   * The test images `keys` through the best weights of those runs that were tested on them. A run whose images or weights are
   * no longer stored is left out with a sentence. Fails with `run/cancelled`.
   */
  async make({ runs, keys, onProgress, cancelled }: PicturesRequest): Promise<MadePictures> {
    const wanted = runs.flatMap((run) =>
      (run.perImage ?? [])
        .filter(({ contentHash }) => keys.includes(contentHash))
        .map((image) => ({ run, image, name: `${run.id} ${run.updatedAt} ${image.index}` })),
    );
    const pictures: StudyPicture[] = [];
    const leftOut = new Set<string>();
    const started = performance.now();
    let made = 0;
    const sources = new Map<string, Promise<PictureSource | string>>();
    for (const [done, { run, image, name }] of wanted.entries()) {
      if (cancelled())
        throw new LabError(
          "run/cancelled",
          `The pictures were ended after ${done} of ${wanted.length}.`,
          "Make them again.",
        );
      const known = this.kept.get(name);
      let picture: StudyPicture | string | undefined = known;
      if (!picture) {
        const source = sources.get(run.id) ?? sourceOf(run);
        sources.set(run.id, source);
        picture = await this.picture(run, image, await source);
      }
      if (typeof picture === "string") leftOut.add(picture);
      else {
        if (!known) made++;
        this.keep(name, picture);
        pictures.push(picture);
      }
      const left = wanted.length - done - 1;
      const secondsEach = (performance.now() - started) / 1000 / Math.max(1, made);
      onProgress({ done: done + 1, total: wanted.length, secondsLeft: made > 0 ? secondsEach * left : null });
    }
    return { pictures, leftOut: [...leftOut] };
  }

  /** A picture, or why there is none. */
  private async picture(
    run: RunRecord,
    image: { readonly index: number; readonly contentHash: string; readonly noisyPsnrDb: number },
    source: PictureSource | string,
  ): Promise<StudyPicture | string> {
    if (typeof source === "string") return source;
    const { reader, modelId } = source;
    const { size } = run.config.data;
    const { noise, seed } = run.config;
    const executor = {
      infer: async (noisy: Float32Array<ArrayBuffer>, images: number) =>
        (await this.denoiser.infer(modelId, noisy, images, size, size)).output,
    };
    const { clean, noisy, denoised } = await denoiseTestBatch({ executor, reader, noise, seed }, [
      image.index,
    ]);
    const noisyPsnrDb = psnrDb(noisy, clean);
    if (!sameNoise(noisyPsnrDb, image.noisyPsnrDb))
      return `No pictures of ${run.name}: the images stored here are not those that it was tested on.`;
    return {
      runId: run.id,
      imageIndex: image.index,
      key: image.contentHash,
      size,
      clean,
      noisy,
      denoised,
      psnrDb: psnrDb(denoised, clean),
      noisyPsnrDb,
    };
  }

  private keep(name: string, picture: StudyPicture): void {
    this.kept.delete(name);
    this.kept.set(name, picture);
    let bytes = [...this.kept.values()].reduce((sum, one) => sum + bytesOf(one), 0);
    for (const [oldest, one] of this.kept) {
      if (bytes <= KEPT_BYTES || oldest === name) break;
      this.kept.delete(oldest);
      bytes -= bytesOf(one);
    }
  }
}
