import { recoverySentence } from "@/contracts/recovery";
import type { RunRecord } from "@/contracts/run";
import { DEFAULT_CONFIG, diffConfigs, isSynchronised, NETWORK_TITLES } from "@/contracts/runConfig";
import type { ImageMetrics, MethodMetrics, RunResult } from "@/contracts/training";
import { MS_SSIM_MIN_SIDE } from "@/imaging/gaussianSsim";
import { methodsSection } from "./methodsReport";
import { PAPER_CITATION, PAPER_DATA, paperConfig, paperResultsFor } from "./paperResults";
import {
  type Cell,
  deviceName,
  fixed,
  further,
  perceptual,
  signed,
  table,
  withInterval,
} from "./reportParts";

const PRECISION_NAMES = { f32: "float32", mixed: "mixed precision" } as const;
const LPIPS_NAMES = { alex: "AlexNet", squeeze: "SqueezeNet" } as const;
const PSNR_DIGITS = 3;
const SSIM_DIGITS = 4;
const MAE_DIGITS = 4;
/** Fields that say where and how a run was made, not what was learnt: no difference to the study. */
const NOT_THE_METHOD = /^(data\.(source|maxImages)|mode|seed|engine\.name|evaluation\..*|trace)$/;

type Test = NonNullable<RunResult["test"]>;

/** How the column LPIPS came about, or why it is empty; nothing where it was not asked for. */
function lpipsSentence({ lpips, denoised }: Test): readonly string[] {
  if (!lpips) return [];
  if (!lpips.ok) return ["", `${lpips.failure.message} ${lpips.failure.remedy}`];
  const { network, engine, seconds } = lpips.value;
  if (!denoised.lpips) return [];
  return [
    "",
    `LPIPS v0.1 with ${LPIPS_NAMES[network]}, measured in ${duration(seconds)} on ${engine}; 0 for equal images, lower is better.`,
  ];
}

function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const ON_PYTORCH = /^pytorch-/;

function replicaSection({ replicas, config }: RunResult): string {
  const shared = replicas.some((replica) => replica.shared);
  return [
    `${config.engine.setup}: ${replicas.length} replicas${config.engine.payload === "f16" ? ", gradients exchanged as 16-bit floats" : ""}. BatchNorm by the statistics of ${isSynchronised(config) ? "all replicas" : "each replica's own images"}. ${shared ? "Replicas shared a device: **no speed-up is claimed**." : "Each replica had a device of its own."} Computing is forward, backward and update; exchange is reading, averaging and writing gradients, with the time waited for other replicas.`,
    "",
    table(
      ["Replica", "Device", "Images", "Images/s computing", "Computing", "Exchange", "Left"],
      replicas.map(({ adapter, shared, images, computeMs, exchangeMs, lost }, rank) => [
        rank,
        `${adapter}${shared ? " (shared)" : ""}`,
        images,
        fixed((1000 * images) / computeMs, 2),
        duration(computeMs / 1000),
        duration(exchangeMs / 1000),
        lost ?? "",
      ]),
    ),
  ].join("\n");
}

function conditions(run: RunRecord, result: RunResult): string {
  const { config, dataset, environment, engine, model, timing, memory } = result;
  const { adapter } = environment;
  const device = deviceName(engine.name, adapter);
  const measured = Object.entries(engine.timingsMs)
    .map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`)
    .join(", ");
  const images = dataset.synthetic
    ? `${dataset.images} synthetic phantoms (generated, no patient)`
    : `${dataset.images} images of ${dataset.patients} patients`;
  const rows: Cell[][] = [
    ["Images", `${images}, ${config.data.size}×${config.data.size}`],
    [
      "Split",
      `${dataset.train} training, ${dataset.validation} validation, ${dataset.test} test, by ${config.data.splitBy}`,
    ],
    [
      "Noise",
      `Gaussian, mean ${config.noise.mean}, σ ${config.noise.std}, clamped to [0, 1]; drawn ${config.noise.draw === "fresh" ? "afresh at each visit" : "once per image"}; validation and test noise fixed`,
    ],
    [
      "Network",
      `${NETWORK_TITLES[config.model.name]}, width ${config.model.width}, ${model.parameters.toLocaleString("en")} parameters, ${model.forwardGflopsPerImage.toPrecision(4)} GFLOP forward per image`,
    ],
    [
      "Training",
      `${config.training.loss.toUpperCase()} loss, Adam, learning rate ${config.training.learningRate}, batch ${config.training.batchSize}${result.replicas.length > 1 ? ` on each of ${result.replicas.length} replicas` : ""}, ${result.epochs.length} of ${config.training.epochs} epochs, ${run.step} steps, seed ${config.seed}`,
    ],
    [
      "Engine",
      `${engine.name}, ${PRECISION_NAMES[config.engine.precision]}${measured ? ` (measured a step: ${measured})` : ""}`,
    ],
    ["Device", `${device}; ${environment.cores} CPU cores`],
    [ON_PYTORCH.test(engine.name) ? "Software" : "Browser", environment.userAgent],
    ["Lab", `commit ${environment.commit}`],
    [
      "Time",
      `${duration(timing.trainSeconds)} training, ${duration(timing.validationSeconds)} validation; ${fixed(timing.trainImagesPerSecond, 2)} images/s; step median ${fixed(timing.stepMsMedian, 1)} ms, 95th percentile ${fixed(timing.stepMsP95, 1)} ms; ${timing.achievedGflops.toPrecision(3)} GFLOP/s`,
    ],
    [
      "Device memory",
      Number.isFinite(memory.deviceBytesPeak)
        ? `${(memory.deviceBytesPeak / 2 ** 20).toFixed(0)} MiB at most`
        : "not measured",
    ],
  ];
  return table(["Condition", "Value"], rows);
}

/** 2026-01-02 03:04 UTC. */
function minuteOf(unixMs: number): string {
  return `${new Date(unixMs).toISOString().replace("T", " ").slice(0, 16)} UTC`;
}

/** What the engine told of this device before the first step, and the losses of it that the run survived. */
function particulars(run: RunRecord, { recoveries }: RunResult): readonly string[] {
  return [
    ...(run.started?.notes ?? []),
    ...recoveries.map(
      (recovery) => `${recoverySentence(recovery, minuteOf(recovery.atMs))} Reported was: ${recovery.reason}`,
    ),
  ];
}

function list(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence.replace(/\s+/g, " ")}`).join("\n");
}

function configDifferences(result: RunResult): string {
  const differences = diffConfigs(DEFAULT_CONFIG, result.config);
  if (differences.length === 0) return "Every setting has its default.";
  return table(
    ["Setting", "Default", "This run"],
    differences.map(({ path, base, value }) => [path, JSON.stringify(base), JSON.stringify(value)]),
  );
}

function testSection(result: RunResult, perImage: readonly ImageMetrics[]): string {
  if (!result.test) return "No test was made: the run did not come to its end.";
  const { test } = result;
  const { count, noisy, denoised } = test;
  const line = (name: string, metrics: MethodMetrics): Cell[] => [
    name,
    withInterval(metrics.psnrDb, PSNR_DIGITS),
    withInterval(metrics.ssim, SSIM_DIGITS),
    perceptual(metrics.lpips, test),
  ];
  const gain = (key: "psnrDb" | "ssim", digits: number): string =>
    signed(denoised[key].mean - noisy[key].mean, digits);
  const infinite = perImage.filter((image) => !Number.isFinite(image.psnrDb)).length;
  return [
    `Mean ± half width of the 95 % confidence interval (Student's t) over ${count} test images; outputs not clamped.`,
    "",
    table(
      ["", "PSNR (dB)", "SSIM", "LPIPS"],
      [
        line("Noisy", noisy),
        line("Denoised", denoised),
        ["Gain", gain("psnrDb", PSNR_DIGITS), gain("ssim", SSIM_DIGITS), ""],
      ],
    ),
    ...lpipsSentence(test),
    ...furtherMetrics(result.config.data.size, test),
    ...(infinite > 0
      ? [
          "",
          `${infinite} denoised images equal the clean ones: their PSNR is infinite and left out of the mean.`,
        ]
      : []),
  ].join("\n");
}

/** The table of what is measured beside the study's metrics; nothing where a run of an earlier version has none. */
function furtherMetrics(size: number, { noisy, denoised }: Test): string[] {
  if (!denoised.ssimGaussian) return [];
  const line = (name: string, { ssimGaussian, msSsim, mae }: MethodMetrics): Cell[] => [
    name,
    further(ssimGaussian, SSIM_DIGITS),
    further(msSsim, SSIM_DIGITS),
    further(mae, MAE_DIGITS),
  ];
  return [
    "",
    "Further metrics; SSIM above has the study's 3×3 window, here it has the usual 11×11 Gaussian one (σ 1.5):",
    "",
    table(
      ["", "SSIM, Gaussian", "MS-SSIM", "Mean absolute error"],
      [line("Noisy", noisy), line("Denoised", denoised)],
    ),
    ...(denoised.msSsim === null
      ? [
          "",
          `MS-SSIM looks at five scales and needs sides of ${MS_SSIM_MIN_SIDE} pixels; these images have ${size}.`,
        ]
      : []),
  ];
}

/** How this run differs from the study's protocol, as rows of (what, study, this run). */
function differencesToPaper(result: RunResult): Cell[][] {
  const { config, dataset } = result;
  const rows: Cell[][] = [
    [
      "images",
      `${PAPER_DATA.images.toLocaleString("en")} of ${PAPER_DATA.description}, ${PAPER_DATA.test.toLocaleString("en")} tested`,
      dataset.synthetic
        ? `${dataset.images} synthetic phantoms, ${dataset.test} tested`
        : `${dataset.images}, ${dataset.test} tested`,
    ],
  ];
  for (const { path, base, value } of diffConfigs(paperConfig(config), config))
    if (!NOT_THE_METHOD.test(path)) rows.push([path, JSON.stringify(base), JSON.stringify(value)]);
  if (!result.complete)
    rows.push(["epochs done", config.training.epochs, `${result.epochs.length}, ended early`]);
  return rows;
}

function paperSection(result: RunResult): string {
  const { config, test, timing } = result;
  const rows = paperResultsFor(config);
  if (rows.length === 0)
    return `${PAPER_CITATION}, has no results at σ = ${config.noise.std} (only 0.1, 0.2 and 0.3).`;
  const ours: Cell[][] = test
    ? [
        [
          `**This run: ${NETWORK_TITLES[config.model.name]}, width ${config.model.width}**`,
          withInterval(test.denoised.psnrDb, PSNR_DIGITS),
          withInterval(test.denoised.ssim, SSIM_DIGITS),
          perceptual(test.denoised.lpips, test),
          (timing.trainSeconds + timing.validationSeconds).toFixed(1),
        ],
      ]
    : [];
  const first = rows[0];
  const sentence =
    test && first && first.model === config.model.name
      ? [
          "",
          `Against the study's ${NETWORK_TITLES[first.model]} on ${first.setup}: ${signed(test.denoised.psnrDb.mean - first.psnrDb.mean, PSNR_DIGITS)} dB PSNR, ${signed(test.denoised.ssim.mean - first.ssim.mean, SSIM_DIGITS)} SSIM. The two are comparable only as far as the table below allows.`,
        ]
      : [];
  return [
    `${PAPER_CITATION}; test means at σ = ${config.noise.std} (± 95 % interval where given). Seconds of training and validation: the study's for 50 epochs on RTX A4500s, this run's for its own epochs on the device above.`,
    "",
    table(
      ["", "PSNR (dB)", "SSIM", "LPIPS", "Seconds"],
      [
        ...ours,
        ...rows.map((paper) => [
          `${NETWORK_TITLES[paper.model]}, ${paper.setup}`,
          withInterval(paper.psnrDb, PSNR_DIGITS),
          withInterval(paper.ssim, SSIM_DIGITS),
          withInterval(paper.lpips, SSIM_DIGITS),
          paper.seconds,
        ]),
      ],
    ),
    ...sentence,
    "",
    "What this run did differently from the study:",
    "",
    table(["", "Study", "This run"], differencesToPaper(result)),
  ].join("\n");
}

function epochSection(result: RunResult): string {
  if (result.epochs.length === 0) return "No epoch was finished.";
  const best =
    result.best.epoch > 0
      ? `Best validation loss ${result.best.validationLoss.toPrecision(5)} after epoch ${result.best.epoch}; its weights are \`model.safetensors\`${result.test ? " and were tested" : ""}.`
      : "";
  return [
    best,
    "",
    table(
      ["Epoch", "Training loss", "Validation loss", "PSNR (dB)", "SSIM", "Time"],
      result.epochs.map((epoch) => [
        epoch.epoch,
        epoch.trainLoss.toPrecision(5),
        epoch.validationLoss.toPrecision(5),
        fixed(epoch.validationPsnrDb, PSNR_DIGITS),
        fixed(epoch.validationSsim, SSIM_DIGITS),
        duration(epoch.seconds),
      ]),
    ),
  ].join("\n");
}

/**
 * `report.md`: conditions first, then what was measured, then the study's numbers beside it. `notes` are sentences about
 * this export (files left out, say).
 */
export function reportMarkdown(
  run: RunRecord,
  result: RunResult,
  perImage: readonly ImageMetrics[],
  notes: readonly string[],
): string {
  const ended = run.failure
    ? `**This run failed**: ${run.failure.message} ${run.failure.remedy}`
    : result.complete
      ? ""
      : "**This run has not come to its end**; what follows is the state so far.";
  const told = particulars(run, result);
  const sections = [
    `# ${run.name}`,
    ended,
    `Made with Denoise Lab, ${minuteOf(run.createdAt)}. For study, not for diagnosis.`,
    "## Conditions",
    conditions(run, result),
    ...(told.length > 0 ? ["### Particular to this run", list(told)] : []),
    ...(result.replicas.length > 1 ? ["### Replicas", replicaSection(result)] : []),
    "### Settings that differ from the defaults",
    configDifferences(result),
    "## Test",
    testSection(result, perImage),
    ...(result.methods ? ["## Against prior methods", methodsSection(result, result.methods)] : []),
    "## Beside the published study",
    paperSection(result),
    "## Epochs",
    epochSection(result),
    ...(notes.length > 0 ? ["## Notes", list(notes)] : []),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}
