import type { FurtherMetrics, PriorMethodResult, RunResult } from "@/contracts/training";
import { DESCRIPTIONS } from "./methods/registry";
import { PAPER_CITATION, PAPER_PRIOR_METHODS } from "./paperResults";
import { type Cell, fixed, further, perceptual, signed, table, withInterval } from "./reportParts";

/** Smaller p-values are given as a bound: the approximations behind them say no more. */
const SMALLEST_P = 1e-4;

function pValue(p: number): string {
  if (!Number.isFinite(p)) return "–";
  return p < SMALLEST_P ? "< 0.0001" : p.toFixed(4);
}

function settingsOf(name: string): string[] {
  // A file of a later lab may name others: their numbers stand without a description.
  return DESCRIPTIONS.filter((method) => method.name === name).map(
    ({ title, settings }) => `${title}: ${settings}`,
  );
}

/** LPIPS and the further metrics; nothing where no method has them (a comparison of an earlier version). */
function furtherSection(
  test: NonNullable<RunResult["test"]>,
  methods: readonly PriorMethodResult[],
): string[] {
  if (!methods.some(({ ssimGaussian }) => ssimGaussian)) return [];
  const line = (name: string, of: FurtherMetrics & Pick<PriorMethodResult, "lpips">): Cell[] => [
    name,
    of.lpips === undefined ? "–" : perceptual(of.lpips, test),
    further(of.ssimGaussian, 4),
    further(of.msSsim, 4),
    further(of.mae, 4),
  ];
  return [
    table(
      ["", "LPIPS", "SSIM, Gaussian", "MS-SSIM", "Mean absolute error"],
      [line("**The network**", test.denoised), ...methods.map((method) => line(method.title, method))],
    ),
    "",
  ];
}

/** Methods that are not trained beside the network, on the same noisy test images, and what the study quotes of them. */
export function methodsSection(result: RunResult, methods: readonly PriorMethodResult[]): string {
  const { config, test, dataset } = result;
  const network: Cell[][] = test
    ? [
        [
          "**The network**",
          withInterval(test.denoised.psnrDb, 3),
          withInterval(test.denoised.ssim, 4),
          "",
          "",
          "",
          "",
          "",
          "",
        ],
      ]
    : [];
  const rows = methods.map(({ title, psnrDb, ssim, seconds, versusNetwork }): Cell[] => {
    const { differenceDb, wilcoxonP, tP, holmP, cohensD } = versusNetwork;
    return [
      title,
      withInterval(psnrDb, 3),
      withInterval(ssim, 4),
      fixed(seconds, 3),
      `${signed(differenceDb.mean, 3)} [${fixed(differenceDb.low, 3)}, ${fixed(differenceDb.high, 3)}]`,
      pValue(wilcoxonP),
      pValue(tP),
      pValue(holmP),
      fixed(cohensD, 2),
    ];
  });
  const { noise } = config;
  const settings = methods.flatMap(({ name }) => settingsOf(name));
  return [
    `All on the ${test?.count ?? dataset.test} noisy test images of this run (σ ${noise.std}, mean ${noise.mean}, clamped to [0, 1]); each method knows σ and the mean. Mean ± half width of the 95 % interval (Student's t). “Network less method” is the mean difference of PSNR per image with its 95 % bootstrap interval (BCa, 2,000 resamples); p-values are two-sided, of paired tests of the PSNR, Holm's over the ${methods.length} Wilcoxon tests; d is Cohen's, of the paired differences. Seconds are of one image on the processor.`,
    "",
    table(
      ["", "PSNR (dB)", "SSIM", "Seconds", "Network less method (dB)", "p, Wilcoxon", "p, t", "p, Holm", "d"],
      [...network, ...rows],
    ),
    "",
    ...(test ? furtherSection(test, methods) : []),
    ...(settings.length > 0 ? [`Settings: ${settings.join("; ")}.`, ""] : []),
    `What ${PAPER_CITATION}, quotes of prior methods (its Table VI) is of natural images with σ = 15 and 25 **of 255** (0.059 and 0.098), not of X-rays, and not of its own noise levels. It says nothing about this run, and stands here to be compared with the table above:`,
    "",
    table(
      ["As quoted", "PSNR (dB), σ 15 of 255", "SSIM", "PSNR (dB), σ 25 of 255", "SSIM"],
      PAPER_PRIOR_METHODS.map(({ title, at15, at25 }) => [
        title,
        at15.psnrDb.toFixed(2),
        at15.ssim.toFixed(4),
        at25.psnrDb.toFixed(2),
        at25.ssim.toFixed(4),
      ]),
    ),
  ].join("\n");
}
