import { LabError } from "@/contracts/failure";
import { applyMode, DEFAULT_CONFIG, ENGINES, type EngineName, MIXED_ENGINES } from "@/contracts/runConfig";
import { dncnn } from "@/evaluation/methods/dncnn";
import { describedMethod, METHODS } from "@/evaluation/methods/registry";
import {
  badOption,
  dataOf,
  list,
  number,
  parseOptions,
  resolveFromCaller,
  resumeOf,
  weightFile,
} from "../bench/arguments";
import type { BenchCommand } from "../bench/options";
import { studyRuns } from "./plan";

export const STUDY_HELP = `npm run study -- --data SRC [options]      makes the study's tables and figures again, headless in Chromium

  --data SRC                 folder, .zip, .tar.gz or .tar of images, or phantom:COUNT
  --quick                    small networks on small images for a few epochs: says whether all works, not how good it gets
  --mode paper|sound         the study as published, or mended (sound)
  --models LIST              networks: unet, unetpp, dncnn (unet,unetpp)
  --noise-std LIST           standard deviations of the noise (0.1,0.2,0.3)
  --setups LIST              single, dp:N, ddp:N (single,dp:2,ddp:2)
  --setups-at LIST           noise levels at which setups and precisions are compared (all; quick: the first)
  --precisions LIST          f32, mixed (f32,mixed where the engine has it; quick: f32)
  --seeds LIST               a whole study for each seed (42)
  --baselines LIST|none      methods on the first network's test images (all)
  --engine NAME              auto, webgpu, tfjs-webgpu, tfjs-webgl, tfjs-wasm, tfjs-cpu (auto: the first run's choice serves all)
  --width N                  channels of the first level (64; quick: 8)
  --size N                   image side in pixels (256; quick: 64)
  --epochs N                 passes over the training images (50; quick: 14)
  --batch N                  images per step and replica (16; quick: 4)
  --max-images N             use only the first N images (all; quick: 256)
  --lpips FILE               LPIPS weights; without them the tables say so
  --dncnn FILE               weights of DnCNN (safetensors or .pth with KAIR's names), one more method
  --pictures N               test images that the figures may show (3)
  --out DIR                  output folder (results/<time>-study)
  --resume DIR               continue an interrupted study from its output folder
  --browser-arg ARG          an extra argument for Chromium (repeatable)
  --headed                   show the browser
  --help                     this text

Each run has a folder of its own in DIR, as npm run bench writes it; DIR/report holds the report, made again after every run.
Progress goes to standard error; the last line of standard output is the path of the report.
Exit code 0: done; 1: interrupted, or some runs failed (all else is kept, --resume goes on); 2: bad options or data.`;

const OPTIONS = {
  data: { type: "string" },
  quick: { type: "boolean" },
  mode: { type: "string" },
  models: { type: "string" },
  "noise-std": { type: "string" },
  setups: { type: "string" },
  "setups-at": { type: "string" },
  precisions: { type: "string" },
  seeds: { type: "string" },
  baselines: { type: "string" },
  engine: { type: "string" },
  width: { type: "string" },
  size: { type: "string" },
  epochs: { type: "string" },
  batch: { type: "string" },
  "max-images": { type: "string" },
  lpips: { type: "string" },
  dncnn: { type: "string" },
  pictures: { type: "string" },
  out: { type: "string" },
  resume: { type: "string" },
  "browser-arg": { type: "string", multiple: true },
  headed: { type: "boolean" },
  help: { type: "boolean" },
} as const;

/** Small enough for two cores without a GPU in twenty minutes (docs/report.md has the measurement). */
const QUICK = { width: 8, size: 64, epochs: 14, batch: 4, maxImages: 256 };

/** A list without repetitions; an empty one is refused. */
function distinct(name: string, text: string): string[] {
  const values = [...new Set(list(text))];
  if (values.length === 0) throw badOption(`--${name} is empty.`, "Give at least one value.");
  return values;
}

/** The command that these arguments mean. Throws `LabError` (`bench/options`, `config/…`, `data/missing`, `weights/…`). */
export function parseStudy(args: readonly string[], now: Date): BenchCommand {
  const values = parseOptions(args, OPTIONS, "npm run study -- --help");
  if (values.help) return { kind: "help" };
  const browserArguments = values["browser-arg"] ?? [];
  const headed = values.headed ?? false;
  const resumed = resumeOf(values, "study");
  if (resumed) return resumed;
  if (values.data === undefined)
    throw badOption("The study needs images.", "Say where they are: --data FOLDER, or --data phantom:64.");
  const mode = values.mode ?? "sound";
  if (mode !== "paper" && mode !== "sound")
    throw badOption(`--mode ${mode} is unknown.`, "Use paper or sound.");
  const engine = (values.engine ?? "auto") as EngineName;
  if (!ENGINES.includes(engine))
    throw badOption(`--engine ${engine} is unknown.`, `Use one of ${ENGINES.join(", ")}.`);
  const numeric = (name: keyof typeof OPTIONS & string): number | undefined =>
    typeof values[name] === "string" ? number(name, values[name]) : undefined;
  const numbers = (name: string, text: string): number[] =>
    distinct(name, text).map((part) => number(name, part));
  const size = values.quick ? QUICK : undefined;
  const lpips = weightFile("lpips", values.lpips);
  const dncnnFile = weightFile("dncnn", values.dncnn);
  const preset = applyMode(DEFAULT_CONFIG, mode);
  const base = {
    mode,
    data: {
      size: numeric("size") ?? size?.size ?? preset.data.size,
      maxImages: numeric("max-images") ?? size?.maxImages ?? null,
    },
    model: { width: numeric("width") ?? size?.width ?? preset.model.width },
    training: {
      epochs: numeric("epochs") ?? size?.epochs ?? preset.training.epochs,
      batchSize: numeric("batch") ?? size?.batch ?? preset.training.batchSize,
    },
    engine: { name: engine },
    evaluation: { metrics: ["psnr", "ssim", "lpips"] },
  };
  const hasMixed = MIXED_ENGINES.includes(engine) && !values.quick;
  const noiseStds = numbers("noise-std", values["noise-std"] ?? "0.1,0.2,0.3");
  const setupStds =
    values["setups-at"] !== undefined
      ? numbers("setups-at", values["setups-at"])
      : noiseStds.slice(0, values.quick ? 1 : undefined);
  const unknown = setupStds.find((std) => !noiseStds.includes(std));
  if (unknown !== undefined)
    throw badOption(
      `--setups-at ${unknown} is none of the study's noise levels.`,
      `Use some of ${noiseStds.join(", ")}.`,
    );
  const runs = studyRuns({
    models: distinct("models", values.models ?? "unet,unetpp"),
    noiseStds,
    setupStds,
    setups: distinct("setups", values.setups ?? "single,dp:2,ddp:2"),
    precisions: distinct("precisions", values.precisions ?? (hasMixed ? "f32,mixed" : "f32")),
    seeds: numbers("seeds", values.seeds ?? String(DEFAULT_CONFIG.seed)),
    baselines: methodsOf(values.baselines, preset.noise.mean, dncnnFile !== null),
    pictures: numeric("pictures") ?? 3,
    base,
  });
  const stamp = now.toISOString().slice(0, 19).replace(/[:T]/g, "-");
  return {
    kind: "run",
    plan: {
      runs,
      sweep: "study",
      data: dataOf(values.data),
      weights: null,
      lpips,
      dncnn: dncnnFile,
      out: resolveFromCaller(values.out ?? `results/${stamp}-study`),
      browserArguments,
      headed,
    },
  };
}

/** All methods where none is named: `mean` says nothing where the noise has none, and DnCNN needs its weights. */
function methodsOf(text: string | undefined, noiseMean: number, withDncnn: boolean): string[] {
  if (text === "none") return [];
  if (text === undefined) {
    const names = METHODS.map(({ name }) => name).filter((name) => name !== "mean" || noiseMean !== 0);
    return withDncnn ? [...names, dncnn.name] : names;
  }
  const names = distinct("baselines", text);
  for (const name of names) describedMethod(name);
  if (names.includes(dncnn.name) && !withDncnn)
    throw new LabError(
      "weights/no-dncnn",
      "--baselines dncnn has no weights.",
      "Give them with --dncnn FILE.",
    );
  return names;
}
