import { NETWORK_TITLES } from "@/contracts/runConfig";
import type { RunResult } from "@/contracts/training";
import { PAPER_CITATION, type PaperResult, paperResultsFor } from "./paperResults";
import { conditionLines, deviceOf, fixed, perceptual, table, withInterval } from "./reportParts";

const PSNR_DIGITS = 3;
const SSIM_DIGITS = 4;

/** The study's name of a setup and precision; null for those it did not run. */
function paperSetup({ engine }: RunResult["config"]): PaperResult["setup"] | null {
  switch (`${engine.setup} ${engine.precision}`) {
    case "single f32":
      return "1 GPU";
    case "dp:2 f32":
      return "2 GPUs, DP";
    case "ddp:2 mixed":
      return "2 GPUs, DDP + mixed precision";
    default:
      return null;
  }
}

const secondsOf = ({ timing }: RunResult): number => timing.trainSeconds + timing.validationSeconds;

/** Seconds saved against one replica, in percent; none is claimed where replicas shared a device. */
function saved(result: RunResult, single: RunResult | undefined): string {
  if (!single || result === single) return "–";
  if (result.replicas.some(({ shared }) => shared)) return "shared device: none claimed";
  if (result.engine.name !== single.engine.name) return "another engine";
  return `${fixed((1 - secondsOf(result) / secondsOf(single)) * 100, 1)} %`;
}

/**
 * Runs that differ in setup and precision, in the layout of the study's Tables IV and V: conditions, then a row for each with
 * the study's beside it. `results` in the order of the rows; at least one.
 */
export function setupsTable(results: readonly RunResult[]): string {
  const [first] = results;
  if (!first) return "No run has ended.\n";
  const paper = paperResultsFor(first.config).filter(({ model }) => model === first.config.model.name);
  const rows = results.map((result) => {
    const { config, test, replicas } = result;
    const single = results.find(
      (other) =>
        other.config.engine.setup === "single" && other.config.engine.precision === config.engine.precision,
    );
    const beside = paper.find(({ setup }) => setup === paperSetup(config));
    const shared = replicas.some((replica) => replica.shared) ? " (shared device)" : "";
    return [
      `${config.engine.setup}, ${config.engine.precision}${shared}`,
      result.engine.name,
      test ? withInterval(test.denoised.psnrDb, PSNR_DIGITS) : "–",
      test ? withInterval(test.denoised.ssim, SSIM_DIGITS) : "–",
      test ? perceptual(test.denoised.lpips, test) : "–",
      secondsOf(result).toFixed(1),
      saved(result, single),
      beside ? beside.setup : "not in the study",
      ...(beside
        ? [
            withInterval(beside.psnrDb, PSNR_DIGITS),
            withInterval(beside.ssim, SSIM_DIGITS),
            withInterval(beside.lpips, SSIM_DIGITS),
            beside.seconds,
          ]
        : ["–", "–", "–", "–"]),
    ];
  });
  const network = NETWORK_TITLES[first.config.model.name];
  const devices = [...new Set(results.map(deviceOf))];
  return [
    "# Setups and precisions",
    `Beside ${PAPER_CITATION}: ${paper.length > 0 ? `its results are of ${network} width 64 on NIH ChestX-ray14 at 256×256, 50 epochs, RTX A4500s` : `it has no results of ${network} at this noise`}. Batch sizes are per replica here as there. Seconds are of training and validation. Time saved is against one replica in the same precision, and only where every replica had a device of its own.`,
    conditionLines(first),
    `Devices: ${devices.join("; ")}.`,
    table(
      [
        "Setup",
        "Engine",
        "PSNR (dB)",
        "SSIM",
        "LPIPS",
        "Seconds",
        "Time saved",
        "Study",
        "PSNR (dB)",
        "SSIM",
        "LPIPS",
        "Seconds",
      ],
      rows,
    ),
  ]
    .join("\n\n")
    .concat("\n");
}
