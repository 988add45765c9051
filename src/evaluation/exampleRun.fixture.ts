import type { FilmFrame } from "@/contracts/film";
import type { RunRecord } from "@/contracts/run";
import { applyMode, DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import type { EpochRecord, ImageMetrics, RunResult } from "@/contracts/training";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { countParameters } from "@/model/parameters";
import type { StoredRun } from "./storedRun";
import { summarizeImages } from "./testSet";

/** A finished run of a tiny network, with every kind of record: what the tests of exports and imports share. */
export function exampleRun(): StoredRun & { readonly run: { readonly result: RunResult } } {
  const paper = applyMode(DEFAULT_CONFIG, "paper");
  const config: RunConfig = {
    ...paper,
    seed: 7,
    data: { ...paper.data, source: "dataset:d-1", size: 16 },
    model: { name: "unet", width: 1, norm: "last" },
    training: { ...paper.training, epochs: 2, batchSize: 2 },
  };
  const graph = buildGraph(config.model);
  const epoch = (number: number, validationLoss: number): EpochRecord => ({
    epoch: number,
    step: number * 2,
    trainLoss: 0.1 / number,
    validationLoss,
    validationPsnrDb: 20 + number,
    validationSsim: 0.5 + number / 10,
    seconds: 1.25,
    validationSeconds: 0.25,
  });
  const epochs = [epoch(1, 0.09), epoch(2, 0.07)];
  const perImage: ImageMetrics[] = [3, 9, 4].map((index) => ({
    index,
    contentHash: `${index}`.repeat(64),
    psnrDb: 25 + index / 3,
    ssim: 0.8 + index / 100,
    lpips: null,
    noisyPsnrDb: 20 + index / 7,
    noisySsim: 0.4 + index / 100,
    noisyLpips: null,
    mae: 0.01 + index / 1000,
    ssimGaussian: 0.85 + index / 100,
    msSsim: null,
    noisyMae: 0.08 + index / 1000,
    noisySsimGaussian: 0.45 + index / 100,
    noisyMsSsim: null,
  }));
  const adapter = {
    vendor: "mesa",
    architecture: "",
    device: "",
    description: "llvmpipe",
    isFallbackAdapter: true,
  };
  const recoveries = [
    {
      step: 3,
      checkpointStep: 2,
      reason: "The graphics device was lost (test).",
      atMs: Date.UTC(2026, 0, 2, 3, 5),
    },
  ];
  const result: RunResult = {
    config,
    environment: {
      adapter,
      features: ["shader-f16"],
      limits: { maxBufferSize: 2 ** 28 },
      userAgent: "Test/1.0",
      cores: 2,
      commit: "0123456789ab",
    },
    model: { parameters: countParameters(graph), forwardGflopsPerImage: 0.0012 },
    dataset: {
      images: 10,
      patients: 6,
      train: 4,
      validation: 3,
      test: 3,
      synthetic: false,
      fingerprint: "f".repeat(64),
    },
    engine: { name: "tfjs-wasm", timingsMs: { "tfjs-wasm": 12.5, "tfjs-cpu": 80 } },
    timing: {
      trainSeconds: 2.5,
      validationSeconds: 0.5,
      trainImagesPerSecond: 3.2,
      stepMsMedian: 600,
      stepMsP95: 700,
      achievedGflops: 0.01152,
    },
    memory: { deviceBytesPeak: 1_000_000 },
    epochs,
    best: { epoch: 2, validationLoss: 0.07 },
    test: summarizeImages(perImage),
    replicas: [{ adapter: "llvmpipe", shared: false, images: 8, computeMs: 2400, exchangeMs: 0 }],
    recoveries,
    complete: true,
  };
  const run: RunRecord & { readonly result: RunResult } = {
    id: "run-1",
    name: "Example, first",
    config,
    status: "done",
    createdAt: Date.UTC(2026, 0, 2, 3, 4),
    updatedAt: Date.UTC(2026, 0, 2, 3, 4),
    started: {
      runId: "run-1",
      engine: "tfjs-wasm",
      engineTimingsMs: result.engine.timingsMs,
      adapter,
      parameters: result.model.parameters,
      forwardGflopsPerImage: 0.0012,
      train: 4,
      validation: 3,
      test: 3,
      stepsPerEpoch: 2,
      totalSteps: 4,
      firstStep: 1,
      notes: ["The device's memory holds 1 of 2 images, so a step takes 2 passes."],
    },
    epochs,
    step: 4,
    checkpointStep: 0,
    result,
    perImage,
    failure: null,
    recoveries,
  };
  const weights = initialWeights(graph, 7);
  const pixels = (images: number, value: number) => new Float32Array(images * 256).fill(value);
  const shades = (shade: number) => Uint8Array.from({ length: 2 * 256 }, (_, i) => (i * 3 + shade) % 256);
  const frame = (step: number, validationLoss: number | null): FilmFrame => ({
    step,
    epoch: Math.ceil(step / 2),
    validationLoss,
    psnrDb: [20 + step, 21 + step],
    ssim: [0.5 + step / 10, 0.25],
    denoised: shades(10 * step),
  });
  return {
    film: {
      images: {
        count: 2,
        side: 16,
        sourceSide: 16,
        indices: [1, 7],
        noisy: shades(1),
        clean: shades(2),
        noisyPsnrDb: [20.5, 19.25],
        noisySsim: [0.5, 0.25],
      },
      frames: [frame(0, null), frame(1, null), frame(2, 0.09), frame(4, 0.07)],
    },
    run,
    curve: {
      losses: Float32Array.of(0.4, 0.3, 0.2, 0.1),
      stepMs: Float32Array.of(620.5, 600, 590, 700),
    },
    weights: { best: initialWeights(graph, 8), last: weights },
    trace: {
      initial: weights,
      final: weights,
      gradients: weights,
      losses: [0.4, 0.3],
      batches: [
        { images: 2, noisy: pixels(2, 0.25), clean: pixels(2, 0.5) },
        { images: 1, noisy: pixels(1, 0.75), clean: pixels(1, 1) },
      ],
    },
  };
}
