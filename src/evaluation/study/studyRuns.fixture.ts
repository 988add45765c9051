import type { RunConfig } from "@/contracts/runConfig";
import type { StudyPicture, StudyRun } from "@/contracts/studyReport";
import type { ImageMetrics, RunResult } from "@/contracts/training";
import { buildGraph } from "@/model/build";
import { countParameters } from "@/model/parameters";
import { exampleRun } from "../exampleRun.fixture";
import { summarizeImages } from "../testSet";

export interface StudyRunParts {
  readonly id: string;
  readonly model?: Partial<RunConfig["model"]>;
  readonly noise?: Partial<RunConfig["noise"]>;
  readonly engine?: Partial<RunConfig["engine"]>;
  readonly seed?: number;
  readonly createdAt?: number;
  /** PSNR of each test image; its SSIM is a fortieth of it. */
  readonly psnrDb?: readonly number[];
  /** Seconds of each epoch, validation included; the run's seconds are their sum. */
  readonly epochSeconds?: readonly number[];
  readonly shared?: boolean;
  readonly change?: (result: RunResult) => RunResult;
}

/** A run with chosen numbers, for tests of reports. Its noise is the study's (mean 0.1) unless told otherwise. */
export function studyRun(parts: StudyRunParts): StudyRun {
  const { result } = exampleRun().run;
  const { id, seed = 7, createdAt = Date.UTC(2026, 0, 2), psnrDb = [30, 31, 33], shared = false } = parts;
  const epochSeconds = parts.epochSeconds ?? [10, 12];
  const config: RunConfig = {
    ...result.config,
    seed,
    model: { ...result.config.model, ...parts.model },
    noise: { ...result.config.noise, ...parts.noise },
    engine: { ...result.config.engine, ...parts.engine },
    training: { ...result.config.training, epochs: epochSeconds.length },
  };
  const perImage = psnrDb.map(
    (psnr, i): ImageMetrics => ({
      index: i + seed,
      contentHash: `${seed}-${i}`,
      psnrDb: psnr,
      ssim: psnr / 40,
      lpips: null,
      noisyPsnrDb: 20 + i,
      noisySsim: 0.4,
      noisyLpips: null,
    }),
  );
  const replicas = Number(config.engine.setup.split(":")[1] ?? 1);
  const made: RunResult = {
    ...result,
    config,
    model: { ...result.model, parameters: countParameters(buildGraph(config.model)) },
    epochs: epochSeconds.map((seconds, i) => ({
      ...(result.epochs[0] as RunResult["epochs"][number]),
      epoch: i + 1,
      seconds,
    })),
    timing: {
      ...result.timing,
      trainSeconds: epochSeconds.reduce((sum, s) => sum + s, 0),
      validationSeconds: 0,
    },
    test: summarizeImages(perImage),
    replicas: Array.from({ length: replicas }, () => ({
      adapter: "GPU",
      shared,
      images: 8,
      computeMs: 1000,
      exchangeMs: 10,
      lost: null,
    })),
  };
  return {
    id,
    name: `Run ${id}`,
    createdAt,
    result: parts.change ? parts.change(made) : made,
    perImage,
  };
}

/** Test image `place` of a run: a ramp, its noise a constant above it and what the network leaves of that. */
export function studyPicture(run: StudyRun, place: number, size = 16): StudyPicture {
  const image = run.perImage?.[place];
  if (!image) throw new Error(`Run ${run.id} has no test image ${place}.`);
  const clean = Float32Array.from({ length: size * size }, (_, i) => ((i % size) + 1) / (2 * size));
  return {
    runId: run.id,
    imageIndex: image.index,
    key: image.contentHash,
    size,
    clean,
    noisy: clean.map((value) => value + 0.1),
    denoised: clean.map((value) => value + 0.05),
    psnrDb: image.psnrDb,
    noisyPsnrDb: image.noisyPsnrDb,
  };
}

/** A method's result with chosen numbers; the network's mean PSNR less the method's is `difference`. */
export function methodResult(
  name: string,
  title: string,
  psnrDb: number,
  difference: { readonly mean: number; readonly low: number; readonly high: number },
  holmP = 0.00002,
): NonNullable<RunResult["methods"]>[number] {
  return {
    name,
    title,
    psnrDb: { mean: psnrDb, ci95: psnrDb / 64 },
    ssim: { mean: psnrDb / 41, ci95: psnrDb / 4096 },
    lpips: { mean: 1 / psnrDb, ci95: 0.0123 },
    ssimGaussian: { mean: psnrDb / 40, ci95: psnrDb / 4000 },
    msSsim: null,
    mae: { mean: 0.7 / psnrDb, ci95: 0.00321 },
    seconds: psnrDb / 1000,
    versusNetwork: {
      differenceDb: difference,
      wilcoxonP: holmP / 2,
      tP: holmP / 2,
      holmP,
      cohensD: 1,
      rankBiserial: 1,
    },
  };
}
