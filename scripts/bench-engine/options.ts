import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { LabError } from "@/contracts/failure";
import { SIZE_MULTIPLE } from "@/contracts/runConfig";

/** Engines that train in the page. */
export const TRAINING = ["webgpu", "webgpu-mixed", "tfjs-webgpu", "tfjs-wasm", "jax-js"] as const;
export type TrainingName = (typeof TRAINING)[number];
/** Engines of a forward pass; `-tiles` as the lab's denoising does it, the others the whole image at once. */
export const INFERENCE = [
  "webgpu",
  "webgpu-mixed",
  "webgpu-tiles",
  "webgpu-mixed-tiles",
  "tfjs-webgpu",
  "onnxruntime-web",
] as const;
export type InferenceName = (typeof INFERENCE)[number];

export const HELP = `npm run bench:engine -- [options]: the lab's engine beside others, on one adapter, in turn

  --model unet|unetpp   network (unet)
  --width N             channels of its first level (16; 64 with --inference)
  --size N              height and width of an image, a multiple of 16 (128; 1024 with --inference)
  --images N            images of a batch (4); --inference takes one
  --rounds N            runs of each engine that count, in turn, after two that warm up (5)
  --engines LIST        of ${TRAINING.join(", ")}, pytorch (all);
                        with --inference of ${INFERENCE.join(", ")} (all)
  --inference           a forward pass instead of training steps
  --profile             also the time of every dispatch of the lab's engine
  --json FILE           also write everything measured
  --help`;

interface Common {
  readonly model: "unet" | "unetpp";
  readonly width: number;
  readonly size: number;
  readonly images: number;
  readonly rounds: number;
  readonly profile: boolean;
  /** Absolute path. */
  readonly json: string | null;
}

export type BenchOptions =
  | { readonly kind: "help" }
  | (Common & {
      readonly kind: "training";
      readonly engines: readonly TrainingName[];
      readonly pytorch: boolean;
    })
  | (Common & { readonly kind: "inference"; readonly engines: readonly InferenceName[] });

const OPTIONS = {
  model: { type: "string", default: "unet" },
  width: { type: "string" },
  size: { type: "string" },
  images: { type: "string" },
  rounds: { type: "string", default: "5" },
  engines: { type: "string" },
  inference: { type: "boolean", default: false },
  profile: { type: "boolean", default: false },
  json: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

function bad(message: string, remedy: string): LabError {
  return new LabError("bench/options", message, remedy);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values;
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).split(". ")[0] ?? "";
    throw bad(message.endsWith(".") ? message : `${message}.`, "See npm run bench:engine -- --help.");
  }
}

function whole(name: string, text: string, multiple = 1): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isInteger(value) || value < multiple || value % multiple !== 0)
    throw bad(
      `--${name} ${text} does not work.`,
      multiple === 1 ? "Give a whole number from 1." : `Give a multiple of ${multiple}.`,
    );
  return value;
}

function list<T extends string>(text: string | undefined, known: readonly T[]): readonly T[] {
  if (text === undefined) return known;
  const names = text.split(",").map((name) => name.trim());
  return names.map((name, at) => {
    const found = known.find((candidate) => candidate === name);
    if (found === undefined) throw bad(`--engines ${name} is unknown.`, `Use some of ${known.join(", ")}.`);
    if (names.indexOf(name) !== at) throw bad(`--engines names ${name} twice.`, "Name each once.");
    return found;
  });
}

/** What these arguments ask for; `folder` is where relative paths begin. Throws `LabError` `bench/options`. */
export function parseOptions(args: readonly string[], folder: string): BenchOptions {
  const values = parse(args);
  if (values.help) return { kind: "help" };
  const { model, inference, profile } = values;
  if (model !== "unet" && model !== "unetpp")
    throw bad(`--model ${model} is unknown.`, "Use unet or unetpp.");
  if (inference && values.images !== undefined)
    throw bad("--images cannot be given with --inference.", "Inference takes one image.");
  const common = {
    model,
    width: whole("width", values.width ?? (inference ? "64" : "16")),
    size: whole("size", values.size ?? (inference ? "1024" : "128"), SIZE_MULTIPLE),
    images: inference ? 1 : whole("images", values.images ?? "4"),
    rounds: whole("rounds", values.rounds),
    profile,
    json: values.json === undefined ? null : resolve(folder, values.json),
  } as const;
  if (inference) return { kind: "inference", ...common, engines: list(values.engines, INFERENCE) };
  const named = list(values.engines, [...TRAINING, "pytorch"] as const);
  const engines = named.filter((name) => name !== "pytorch");
  return { kind: "training", ...common, engines, pytorch: named.includes("pytorch") };
}
