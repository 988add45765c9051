import type { ModelConfig, RunConfig } from "@/contracts/runConfig";
import { applyMode, DEFAULT_CONFIG, withNetwork } from "@/contracts/runConfig";

export const PAPER_CITATION =
  "Adebayo & Khan, “Distributed Deep Learning for Medical Image Denoising with Data Obfuscation”, BIBE 2025";

/** A mean over the study's 2,551 test images; `ci95` where the study gives it. */
interface PaperMean {
  readonly mean: number;
  readonly ci95: number | null;
}

export interface PaperResult {
  readonly noiseStd: number;
  readonly model: ModelConfig["name"];
  readonly setup: "1 GPU" | "2 GPUs, DP" | "2 GPUs, DDP + mixed precision";
  readonly psnrDb: PaperMean;
  readonly ssim: PaperMean;
  readonly lpips: PaperMean;
  /** Wall seconds of 50 epochs, validation included, on RTX A4500s. */
  readonly seconds: number;
}

type Interval = readonly [psnrDb: number, ssim: number, lpips: number];

function row(
  noiseStd: number,
  model: ModelConfig["name"],
  setup: PaperResult["setup"],
  [psnrDb, ssim, lpips]: Interval,
  seconds: number,
  ci95: Interval | null = null,
): PaperResult {
  return {
    noiseStd,
    model,
    setup,
    psnrDb: { mean: psnrDb, ci95: ci95?.[0] ?? null },
    ssim: { mean: ssim, ci95: ci95?.[1] ?? null },
    lpips: { mean: lpips, ci95: ci95?.[2] ?? null },
    seconds,
  };
}

/** Test results of the study: all setups, intervals for one GPU. */
export const PAPER_RESULTS: readonly PaperResult[] = [
  row(0.1, "unet", "1 GPU", [34.952, 0.9168, 0.1373], 7328.2, [0.04, 0.0008, 0.001]),
  row(0.1, "unetpp", "1 GPU", [34.387, 0.9123, 0.1585], 22717.1, [0.05, 0.0007, 0.0011]),
  row(0.1, "unet", "2 GPUs, DP", [34.034, 0.906, 0.1582], 4665.2),
  row(0.1, "unetpp", "2 GPUs, DP", [34.089, 0.9083, 0.1564], 12003.0),
  row(0.1, "unet", "2 GPUs, DDP + mixed precision", [34.483, 0.9067, 0.1562], 2737),
  row(0.1, "unetpp", "2 GPUs, DDP + mixed precision", [33.416, 0.8927, 0.2175], 8025),
  row(0.2, "unet", "1 GPU", [32.255, 0.8907, 0.2011], 7326.1, [0.04, 0.0011, 0.0013]),
  row(0.2, "unetpp", "1 GPU", [32.315, 0.8959, 0.2265], 22266.0, [0.05, 0.001, 0.0015]),
  row(0.2, "unet", "2 GPUs, DP", [32.157, 0.8906, 0.2143], 4648.1),
  row(0.2, "unetpp", "2 GPUs, DP", [32.151, 0.8886, 0.2], 11998.5),
  row(0.3, "unet", "1 GPU", [30.225, 0.8746, 0.2498], 7322.0, [0.05, 0.0012, 0.0016]),
  row(0.3, "unetpp", "1 GPU", [30.756, 0.884, 0.2479], 22343.5, [0.05, 0.0011, 0.0016]),
  row(0.3, "unet", "2 GPUs, DP", [30.481, 0.8757, 0.2661], 4648.2),
  row(0.3, "unetpp", "2 GPUs, DP", [30.691, 0.883, 0.2638], 12015.6),
];

/**
 * Prior methods as the study quotes them: natural images, σ = 15 and 25 of 255 (0.059 and 0.098), set there beside its own
 * 10 % and 20 %. Other images and another noise: no measure of the methods on X-rays.
 */
export const PAPER_PRIOR_METHODS = [
  { title: "BM3D", at15: { psnrDb: 31.08, ssim: 0.8722 }, at25: { psnrDb: 28.57, ssim: 0.8017 } },
  { title: "TNRD", at15: { psnrDb: 31.42, ssim: 0.8826 }, at25: { psnrDb: 28.92, ssim: 0.8157 } },
  { title: "DnCNN-3", at15: { psnrDb: 31.46, ssim: 0.8826 }, at25: { psnrDb: 29.02, ssim: 0.819 } },
] as const;

/** Parameters as the study's Table I states them; counted at its width of 64, U-Net has 31,036,481 and U-Net++ 36,621,185. */
export const PAPER_PARAMETERS: Readonly<Record<string, string>> = { unet: "8.6 M", unetpp: "9.2 M" };
export const PAPER_WIDTH = 64;

export const PAPER_DEVICE = "NVIDIA RTX A4500, one or two";

/** What the study trained on and tested with. */
export const PAPER_DATA = { images: 14_999, test: 2_551, description: "NIH ChestX-ray14" } as const;

/** The study's protocol as a run config, for this noise and network; its U-Net where it had no such network. */
export function paperConfig(config: RunConfig): RunConfig {
  const paper = applyMode(DEFAULT_CONFIG, "paper");
  const known = PAPER_RESULTS.some(({ model }) => model === config.model.name);
  return {
    ...paper,
    noise: { ...paper.noise, std: config.noise.std },
    model: known ? withNetwork(paper.model, config.model.name) : paper.model,
  };
}

/** The study's results at this noise level: the same network first, one GPU first. Empty when it has none. */
export function paperResultsFor(config: RunConfig): PaperResult[] {
  const sameNoise = PAPER_RESULTS.filter(({ noiseStd }) => Math.abs(noiseStd - config.noise.std) < 1e-9);
  const same = sameNoise.filter(({ model }) => model === config.model.name);
  return [...same, ...sameNoise.filter(({ model }) => model !== config.model.name)];
}
