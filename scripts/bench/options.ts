import { readFileSync } from "node:fs";
import { LabError, unwrap } from "@/contracts/failure";
import {
  ALL_METHODS,
  applyMode,
  assertSupported,
  DEFAULT_CONFIG,
  type EngineName,
  MIXED_ENGINES,
  parseRunConfig,
  type RunConfig,
} from "@/contracts/runConfig";
import { dncnn } from "@/evaluation/methods/dncnn";
import { describedMethod } from "@/evaluation/methods/registry";
import {
  badOption,
  type DataSource,
  dataOf,
  list,
  number,
  parseOptions,
  type ResumeCommand,
  resolveFromCaller,
  resumeOf,
  weightFile,
} from "./arguments";

export const HELP = `npm run bench -- [options]      trains headless in Chromium and writes result files

  --config FILE              a run config as JSON; the options below override it
  --data SRC                 folder, .zip, .tar.gz or .tar of images, or phantom:COUNT (phantom:64)
  --model unet|unetpp|dncnn  network (unet)
  --width N                  channels of the first level, of DnCNN of every layer (64)
  --size N                   image side in pixels, a multiple of 16 (256)
  --noise-mean X             mean of the added noise (0)
  --noise-std X[,X…]         its standard deviation (0.1); several make a sweep, one subfolder each
  --noise-draw fresh|once    a new draw at each visit of an image, or one for the whole run (fresh)
  --split A,B,C              fractions for training, validation, test (0.5,0.33,0.17)
  --split-by patient|image   what may not fall on two sides (patient)
  --mode paper|sound         presets of the study as published, or mended (sound); later options override
  --engine NAME              auto, webgpu, tfjs-webgpu, tfjs-webgl, tfjs-wasm, tfjs-cpu (auto: measures and takes the fastest)
  --precision f32|mixed      number format (f32); mixed computes on the engine webgpu
  --setup single|dp:N|ddp:N  one replica, a master with N−1 helpers, or N equals with a shard each (single)
  --payload f32|f16          how gradients travel between replicas (f32)
  --batch-norm local|synchronised  by whose statistics several replicas normalise: each by its own, or by those of all (local)
  --sweep setups             single, dp:2 and ddp:2, each in f32 and, where the engine has it, mixed; writes setups.md
  --epochs N                 passes over the training images (50)
  --steps N                  stop after N optimiser steps in all (no limit)
  --batch N                  images per step and replica (16)
  --lr X                     Adam's learning rate (1e-3)
  --seed N                   seeds weights, split, shuffle and noise (42)
  --max-images N             use only the first N images (all)
  --evaluate psnr,ssim,lpips test metrics (psnr,ssim, and lpips with --lpips)
  --baselines LIST           methods on the same noisy test images (none): all, or of noisy, mean, gaussian, median, wavelet, tv, nlm, bm3d, dncnn
  --dncnn FILE               weights for the method dncnn (safetensors or .pth with KAIR's names)
  --lpips FILE               LPIPS weights, made by npm run get-lpips
  --export-images N          write the first N test images as PNG and NPY (0)
  --trace K                  record the first K steps for replay in PyTorch (0)
  --weights FILE             start from these weights (safetensors or .pth, PyTorch names)
  --out DIR                  output folder (results/<time>-<model>)
  --resume DIR               continue an interrupted run from its output folder
  --browser-arg ARG          an extra argument for Chromium (repeatable)
  --headed                   show the browser
  --help                     this text

Progress goes to standard error; the last line of standard output is the path of result.json.
Exit code 0: done; 1: failed or interrupted (partial result and checkpoint kept); 2: bad options or data.`;

export interface BenchRun {
  /** Subfolder of `out`, or "" for a single run. */
  readonly folder: string;
  readonly config: RunConfig;
}

export interface BenchPlan {
  readonly runs: readonly BenchRun[];
  readonly data: DataSource;
  /** Writes a table of all runs, or the study's report, beside their folders. */
  readonly sweep: "setups" | "study" | null;
  /** Absolute path of initial weights, or null. */
  readonly weights: string | null;
  /** Absolute path of LPIPS weights, or null. */
  readonly lpips: string | null;
  /** Absolute path of weights for the method dncnn, or null; absent in sessions of earlier labs. */
  readonly dncnn?: string | null;
  readonly out: string;
  readonly browserArguments: readonly string[];
  readonly headed: boolean;
}

export type BenchCommand =
  | { readonly kind: "help" }
  | { readonly kind: "run"; readonly plan: BenchPlan }
  | ResumeCommand;

const OPTIONS = {
  config: { type: "string" },
  data: { type: "string" },
  model: { type: "string" },
  width: { type: "string" },
  size: { type: "string" },
  "noise-mean": { type: "string" },
  "noise-std": { type: "string" },
  "noise-draw": { type: "string" },
  split: { type: "string" },
  "split-by": { type: "string" },
  mode: { type: "string" },
  engine: { type: "string" },
  precision: { type: "string" },
  setup: { type: "string" },
  payload: { type: "string" },
  "batch-norm": { type: "string" },
  sweep: { type: "string" },
  epochs: { type: "string" },
  steps: { type: "string" },
  batch: { type: "string" },
  lr: { type: "string" },
  seed: { type: "string" },
  "max-images": { type: "string" },
  evaluate: { type: "string" },
  baselines: { type: "string" },
  lpips: { type: "string" },
  dncnn: { type: "string" },
  "export-images": { type: "string" },
  trace: { type: "string" },
  weights: { type: "string" },
  out: { type: "string" },
  resume: { type: "string" },
  "browser-arg": { type: "string", multiple: true },
  headed: { type: "boolean" },
  help: { type: "boolean" },
} as const;

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw badOption(
      `--config ${path} cannot be read: ${(error as Error).message}.`,
      "Give the path of a JSON file.",
    );
  }
}

const parse = (args: readonly string[]) => parseOptions(args, OPTIONS, "npm run bench -- --help");
type Values = ReturnType<typeof parse>;
type Section = Record<string, unknown>;

/** The config's JSON with the options laid over it; checked by the schema afterwards. */
function overlay(values: Values, file: Section): Section {
  const mode = values.mode ?? file["mode"] ?? "sound";
  if (mode !== "paper" && mode !== "sound")
    throw badOption(`--mode ${String(mode)} is unknown.`, "Use paper or sound.");
  const json: Record<string, Section | unknown> = { ...file, mode };
  const set = (section: string, key: string, value: unknown): void => {
    if (value !== undefined) json[section] = { ...(json[section] as Section | undefined), [key]: value };
  };
  if (values.mode !== undefined) {
    const preset = applyMode(DEFAULT_CONFIG, mode);
    set("data", "split", preset.data.split);
    set("data", "splitBy", preset.data.splitBy);
    set("noise", "mean", preset.noise.mean);
    set("noise", "draw", preset.noise.draw);
  }
  const numeric = (name: keyof Values & string): number | undefined =>
    typeof values[name] === "string" ? number(name, values[name]) : undefined;
  const parts = (name: keyof Values & string): string[] | undefined =>
    typeof values[name] === "string" ? list(values[name]) : undefined;

  set("model", "name", values.model);
  set("model", "width", numeric("width"));
  set("data", "size", numeric("size"));
  set("data", "maxImages", numeric("max-images"));
  set(
    "data",
    "split",
    parts("split")?.map((part) => number("split", part)),
  );
  set("data", "splitBy", values["split-by"]);
  set("noise", "mean", numeric("noise-mean"));
  set("noise", "draw", values["noise-draw"]);
  set("engine", "name", values.engine);
  set("engine", "precision", values.precision);
  set("engine", "setup", values.setup);
  set("engine", "payload", values.payload);
  set("engine", "batchNorm", values["batch-norm"]);
  set("training", "epochs", numeric("epochs"));
  set("training", "maxSteps", numeric("steps"));
  set("training", "batchSize", numeric("batch"));
  set("training", "learningRate", numeric("lr"));
  set("evaluation", "metrics", parts("evaluate"));
  set("evaluation", "baselines", parts("baselines"));
  set("evaluation", "exportImages", numeric("export-images"));
  const seed = numeric("seed");
  if (seed !== undefined) json["seed"] = seed;
  const trace = numeric("trace");
  if (trace !== undefined) json["trace"] = trace;
  return json;
}

/** The runs that the options ask for, each in a folder of its own where there are several. */
function variants(
  values: Values,
  json: Record<string, Section>,
): { readonly folder: string; readonly json: Section }[] {
  const stds = values["noise-std"]?.split(",").map((part) => number("noise-std", part)) ?? [];
  if (values.sweep === undefined) {
    if (stds.length === 0) return [{ folder: "", json }];
    return stds.map((std) => ({
      folder: stds.length > 1 ? `std-${std}` : "",
      json: { ...json, noise: { ...json["noise"], std } },
    }));
  }
  if (values.sweep !== "setups")
    throw badOption(`--sweep ${values.sweep} is unknown.`, "Use --sweep setups.");
  if (stds.length > 1)
    throw badOption("--sweep setups takes one --noise-std.", "Give one standard deviation.");
  if (values.setup !== undefined || values.precision !== undefined)
    throw badOption(
      "--sweep setups chooses setup and precision itself.",
      "Leave out --setup and --precision.",
    );
  const engine = (json["engine"]?.["name"] ?? DEFAULT_CONFIG.engine.name) as EngineName;
  const precisions = MIXED_ENGINES.includes(engine) ? ["f32", "mixed"] : ["f32"];
  const noise = stds.length === 1 ? { ...json["noise"], std: stds[0] } : json["noise"];
  return ["single", "dp:2", "ddp:2"].flatMap((setup) =>
    precisions.map((precision) => ({
      folder: `${setup.replace(":", "")}-${precision}`,
      json: { ...json, ...(noise && { noise }), engine: { ...json["engine"], setup, precision } },
    })),
  );
}

/** The command that these arguments mean. Throws `LabError` (`bench/options`, `config/…`, `data/missing`, `weights/…`). */
export function parseCommand(args: readonly string[], now: Date): BenchCommand {
  const values = parse(args);
  if (values.help) return { kind: "help" };
  const browserArguments = values["browser-arg"] ?? [];
  const headed = values.headed ?? false;
  const resumed = resumeOf(values, "run");
  if (resumed) return resumed;
  const file = values.config === undefined ? {} : readJson(resolveFromCaller(values.config));
  if (typeof file !== "object" || file === null || Array.isArray(file)) unwrap(parseRunConfig(file));
  const json = overlay(values, file as Section);
  const runs = variants(values, json as Record<string, Section>).map(({ folder, json: varied }) => {
    const config = unwrap(parseRunConfig(varied));
    assertSupported(config);
    for (const name of config.evaluation.baselines) if (name !== ALL_METHODS) describedMethod(name);
    return { folder, config };
  });
  const first = (runs[0] as BenchRun).config;
  const source = first.data.source === "any" ? "phantom:64" : first.data.source;
  if (values.data === undefined && source.startsWith("dataset:"))
    throw badOption(
      `The config asks for ${source}, which is stored in another browser.`,
      "Say where the images are: --data FOLDER.",
    );
  const weights = weightFile("weights", values.weights);
  const lpips = weightFile("lpips", values.lpips);
  const asked = list(values.evaluate ?? "");
  if (lpips === null && asked.includes("lpips"))
    throw new LabError(
      "weights/no-lpips",
      "--evaluate lpips has no weights.",
      "Give them with --lpips FILE.",
    );
  if (lpips !== null && !first.evaluation.metrics.includes("lpips"))
    throw badOption(
      "--lpips is given, but LPIPS is not asked for.",
      "Add lpips to --evaluate, or leave both out.",
    );
  const dncnnFile = weightFile("dncnn", values.dncnn);
  const { baselines } = first.evaluation;
  if (dncnnFile === null && baselines.includes(dncnn.name))
    throw new LabError(
      "weights/no-dncnn",
      "--baselines dncnn has no weights.",
      "Give them with --dncnn FILE.",
    );
  if (dncnnFile !== null && !baselines.includes(dncnn.name) && !baselines.includes(ALL_METHODS))
    throw badOption(
      "--dncnn is given, but the method is not asked for.",
      "Add dncnn to --baselines, or leave both out.",
    );
  const stamp = now.toISOString().slice(0, 19).replace(/[:T]/g, "-");
  return {
    kind: "run",
    plan: {
      runs,
      sweep: values.sweep === undefined ? null : "setups",
      data: dataOf(values.data ?? source),
      weights,
      lpips,
      dncnn: dncnnFile,
      out: resolveFromCaller(values.out ?? `results/${stamp}-${first.model.name}`),
      browserArguments,
      headed,
    },
  };
}
