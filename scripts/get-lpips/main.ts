import { LabError, toFailure } from "@/contracts/failure";
import { ProgressPrinter } from "../bench/progress";
import type { DownloadProgress } from "./download";
import { getLpips } from "./getLpips";
import { HELP, parseCommand } from "./options";
import { LPIPS_SOURCES } from "./sources";

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

async function main(): Promise<number> {
  try {
    const { help, network, out } = parseCommand(
      process.argv.slice(2),
      process.env["LAB_CALLER_FOLDER"] ?? ".",
    );
    if (help) {
      console.log(HELP);
      return 0;
    }
    const printer = new ProgressPrinter();
    const show = ({ name, bytes, total }: DownloadProgress): void =>
      printer.show(`${name}: ${megabytes(bytes)}${total === null ? "" : ` of ${megabytes(total)}`} MB`);
    const path = await getLpips(LPIPS_SOURCES[network], out, show).finally(() => printer.end());
    console.error("Load it once on the Runs screen, or give it to a headless run:");
    console.error(`npm run bench -- … --evaluate psnr,ssim,lpips --lpips ${path}`);
    console.log(path);
    return 0;
  } catch (error) {
    const { code, message, remedy } = error instanceof LabError ? error.failure : toFailure(error);
    console.error(`${code}: ${message} ${remedy}`);
    return code === "bench/options" ? 2 : 1;
  }
}

process.exit(await main());
