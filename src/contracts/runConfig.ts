import { z } from "zod";
import { type Failure, LabError, type Outcome } from "./failure";

/**
 * The run config: the one description of a run. The screens edit it, a URL carries it, a run stores it, the headless
 * benchmark and the PyTorch companion read it as JSON. Nothing else configures a run.
 */
export const CONFIG_SCHEMA_VERSION = 1;

export const ENGINES = ["auto", "webgpu", "tfjs-webgpu", "tfjs-webgl", "tfjs-wasm", "tfjs-cpu"] as const;
export type EngineName = (typeof ENGINES)[number];

/** In `evaluation.baselines`: every method that differs on the run's noise. */
export const ALL_METHODS = "all";

/** Engines that a run in mixed precision can name. */
export const MIXED_ENGINES: readonly EngineName[] = ["auto", "webgpu"];

/** In one browser; PyTorch may have had more. */
const MAX_REPLICAS = 16;
const MAX_SEED = 0xffff_ffff;
const MAX_SIZE = 4096;
const MAX_WIDTH = 256;
/** Four 2×2 poolings: a side must divide by 2⁴ so that every skip meets its upsampled partner. */
export const SIZE_MULTIPLE = 16;

const noiseSchema = z.strictObject({
  /** Mean of the Gaussian added to images in [0, 1]. */
  mean: z.number().min(-1).max(1),
  /** Its standard deviation σ, same scale. */
  std: z.number().min(0).max(1),
  /** `fresh`: a new draw each time a training image is visited; `once`: one draw per image for the whole run. */
  draw: z.enum(["fresh", "once"]),
});
export type NoiseConfig = z.infer<typeof noiseSchema>;

export const NETWORK_NAMES = ["unet", "unetpp", "dncnn"] as const;
export type NetworkName = (typeof NETWORK_NAMES)[number];
/** For people. */
export const NETWORK_TITLES: Readonly<Record<NetworkName, string>> = {
  unet: "U-Net",
  unetpp: "U-Net++",
  dncnn: "DnCNN",
};
export type NormName = "last" | "both" | "none";
/** Normalisations that a network can have, its usual one first. */
export const NORMS: Readonly<Record<NetworkName, readonly NormName[]>> = {
  unet: ["last", "both"],
  unetpp: ["last", "both"],
  dncnn: ["last", "none"],
};

const modelSchema = z
  .strictObject({
    name: z.enum(NETWORK_NAMES),
    /** U-Net, U-Net++: channels of the first level; the five levels have 1, 2, 4, 8, 16 times as many. DnCNN: of every layer. */
    width: z.int().min(1).max(MAX_WIDTH),
    /**
     * U-Net, U-Net++: `last`: BatchNorm after the second convolution of a block (the study's one-GPU model); `both`: after each
     * (its two-GPU U-Net). DnCNN: `last`: BatchNorm between each of the 15 inner convolutions and its ReLU; `none`: no
     * BatchNorm, the form of weights whose BatchNorm was merged into the convolutions.
     */
    norm: z.enum(["last", "both", "none"]),
  })
  .check(({ value, issues }) => {
    const { name, norm } = value;
    if (!NORMS[name].includes(norm))
      issues.push({ code: "invalid_value", values: [...NORMS[name]], input: norm, path: ["norm"] });
  });
export type ModelConfig = z.infer<typeof modelSchema>;

/** The model with another network; a normalisation that this cannot have becomes its usual one. */
export function withNetwork(model: ModelConfig, name: NetworkName): ModelConfig {
  const norms = NORMS[name];
  return { ...model, name, norm: norms.includes(model.norm) ? model.norm : (norms[0] ?? model.norm) };
}

export const runConfigSchema = z.strictObject({
  schemaVersion: z.literal(CONFIG_SCHEMA_VERSION),
  /** The preset it started from; the fields below are what counts. */
  mode: z.enum(["paper", "sound"]),
  /** Seeds weights, split, shuffle and noise. */
  seed: z.int().min(0).max(MAX_SEED),
  data: z.strictObject({
    /** `phantom:COUNT` (generated), `dataset:ID` (stored in this browser), or `any` (ask). */
    source: z.string().regex(/^(phantom:[1-9]\d{0,5}|dataset:[\w-]+|any)$/),
    /** Image side in pixels. */
    size: z.int().min(SIZE_MULTIPLE).max(MAX_SIZE).multipleOf(SIZE_MULTIPLE),
    /** Use only the first N images; null: all. */
    maxImages: z.int().min(3).nullable(),
    /** Fractions of training, validation and test images. */
    split: z.tuple([
      z.number().positive().max(1),
      z.number().positive().max(1),
      z.number().positive().max(1),
    ]),
    /** `patient`: all images of a patient fall on the same side. */
    splitBy: z.enum(["patient", "image"]),
  }),
  noise: noiseSchema,
  model: modelSchema,
  training: z.strictObject({
    loss: z.enum(["l1", "l2"]),
    learningRate: z.number().positive().max(10),
    beta1: z.number().min(0).lt(1),
    beta2: z.number().min(0).lt(1),
    epsilon: z.number().positive().max(1),
    /** Images per step and replica. */
    batchSize: z.int().min(1).max(1024),
    epochs: z.int().min(1).max(100_000),
    /** Stop after this many optimiser steps in all; null: no limit. */
    maxSteps: z.int().min(1).nullable(),
    /** Stop when validation loss has not improved for this many epochs; null: never. */
    earlyStoppingPatience: z.int().min(1).nullable(),
  }),
  engine: z.strictObject({
    /** `auto` times a few steps of what is available and takes the fastest; with mixed precision that is `webgpu`. */
    name: z.enum(ENGINES),
    /** `mixed`: activations and their gradients in 16 bits, the rest in 32, with a dynamic loss scale. */
    precision: z.enum(["f32", "mixed"]),
    /** `single`, `dp:N` or `ddp:N` (N replicas: up to 16 in a browser, more on PyTorch). */
    setup: z.string().regex(/^(single|d?dp:([2-9]|[1-9]\d{1,3}))$/),
    /** How gradients travel between replicas: whole, or as scaled halves. Absent: `f32`. */
    payload: z.enum(["f32", "f16"]).optional(),
    /**
     * Whose statistics BatchNorm normalises a step by where there are several replicas: each one's own, or those of all
     * replicas' images. Absent: `local`.
     */
    batchNorm: z.enum(["local", "synchronised"]).optional(),
  }),
  evaluation: z.strictObject({
    /** All but LPIPS are always measured, also those without a name here; LPIPS where it is asked for and its weights are stored. */
    metrics: z.array(z.enum(["psnr", "ssim", "lpips"])).min(1),
    /** Methods compared with the network on its test images, by name (docs/evaluation.md); `ALL_METHODS` is all of them. */
    baselines: z.array(z.string()),
    /** Test images written as PNG and NPY with an export. */
    exportImages: z.int().min(0),
  }),
  /** Record the first K steps for replay in PyTorch; 0: none. */
  trace: z.int().min(0).max(1000),
});
export type RunConfig = z.infer<typeof runConfigSchema>;

/** `single`: one replica. `dp`: one master and its helpers. `ddp`: equals, each with a shard of its own. */
export interface Setup {
  readonly kind: "single" | "dp" | "ddp";
  readonly replicas: number;
}

/** What `engine.setup` of a valid config means. */
export function setupOf({ engine }: Pick<RunConfig, "engine">): Setup {
  const [kind, replicas] = engine.setup.split(":");
  if (kind === "dp" || kind === "ddp") return { kind, replicas: Number(replicas) };
  return { kind: "single", replicas: 1 };
}

/** BatchNorm's statistics are exchanged between replicas: with one of them there is nobody to exchange them with. */
export function isSynchronised(config: Pick<RunConfig, "engine">): boolean {
  return config.engine.batchNorm === "synchronised" && setupOf(config).replicas > 1;
}

/** Defaults of new runs: `sound`, as in the headless contract. */
export const DEFAULT_CONFIG: RunConfig = {
  schemaVersion: CONFIG_SCHEMA_VERSION,
  mode: "sound",
  seed: 42,
  data: { source: "any", size: 256, maxImages: null, split: [0.5, 0.33, 0.17], splitBy: "patient" },
  noise: { mean: 0, std: 0.1, draw: "fresh" },
  model: { name: "unet", width: 64, norm: "last" },
  training: {
    loss: "l1",
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    batchSize: 16,
    epochs: 50,
    maxSteps: null,
    earlyStoppingPatience: null,
  },
  engine: { name: "auto", precision: "f32", setup: "single" },
  evaluation: { metrics: ["psnr", "ssim", "lpips"], baselines: [], exportImages: 0 },
  trace: 0,
};

/** What a mode sets; everything else keeps its value. */
export function applyMode(config: RunConfig, mode: RunConfig["mode"]): RunConfig {
  const paper = mode === "paper";
  return {
    ...config,
    mode,
    data: { ...config.data, split: [0.5, 0.33, 0.17], splitBy: paper ? "image" : "patient" },
    noise: { ...config.noise, mean: paper ? 0.1 : 0, draw: paper ? "once" : "fresh" },
  };
}

type Plain = { [key: string]: unknown };
const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function merge(base: unknown, over: unknown): unknown {
  if (!isPlain(base) || !isPlain(over)) return over;
  const out: Plain = { ...base };
  for (const [key, value] of Object.entries(over)) out[key] = key in base ? merge(base[key], value) : value;
  return out;
}

/** One sentence for what zod found. */
function describeIssue(issue: z.core.$ZodIssue, path: string, given: string): string {
  const what = `${path} is ${given}`;
  switch (issue.code) {
    case "too_small":
      return `${what}; it must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}.`;
    case "too_big":
      return `${what}; it must be ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}.`;
    case "invalid_value":
      return `${what}; it must be one of ${issue.values.join(", ")}.`;
    case "invalid_type":
      return `${what}; it must be ${issue.expected === "int" ? "a whole number" : `of type ${issue.expected}`}.`;
    case "unrecognized_keys":
      return `${path === "config" ? "The config" : path} has no field ${issue.keys.join(", ")}.`;
    default:
      return `${what}; this is not valid.`;
  }
}

/**
 * A config from JSON: missing fields take the defaults of its mode, unknown fields are refused.
 * Failures: `config/newer` (a newer schema), `config/invalid` (names the field), `shape/size` (side not a multiple of 16).
 */
export function parseRunConfig(json: unknown): Outcome<RunConfig> {
  const refuse = (code: Failure["code"], message: string, remedy: string): Outcome<RunConfig> => ({
    ok: false,
    failure: { code, message, remedy },
  });
  if (!isPlain(json))
    return refuse(
      "config/invalid",
      "The run config is not a JSON object.",
      "Export a config from the lab and edit that.",
    );
  const version = json["schemaVersion"];
  if (typeof version === "number" && version > CONFIG_SCHEMA_VERSION)
    return refuse(
      "config/newer",
      `This config has schema version ${version}; this lab reads up to ${CONFIG_SCHEMA_VERSION}.`,
      "Open it with a newer version of the lab.",
    );
  const mode = json["mode"] === "paper" ? "paper" : "sound";
  const parsed = runConfigSchema.safeParse(merge(applyMode(DEFAULT_CONFIG, mode), json));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    if (!issue) return refuse("config/invalid", "The run config is not valid.", "Correct it and try again.");
    const path = issue.path.join(".") || "config";
    const given = JSON.stringify(
      issue.path.reduce<unknown>((at, key) => (isPlain(at) ? at[String(key)] : undefined), json),
    );
    if (path === "data.size")
      return refuse(
        "shape/size",
        `data.size is ${given}; the networks halve an image four times.`,
        `Use a multiple of ${SIZE_MULTIPLE} between ${SIZE_MULTIPLE} and ${MAX_SIZE}.`,
      );
    return refuse(
      "config/invalid",
      describeIssue(issue, path, given),
      "Correct this field of the run config.",
    );
  }
  const total = parsed.data.data.split.reduce((sum, part) => sum + part, 0);
  if (Math.abs(total - 1) > 1e-6)
    return refuse(
      "config/invalid",
      `data.split adds up to ${total.toFixed(4)}, not 1.`,
      "Give three fractions whose sum is 1.",
    );
  return { ok: true, value: parsed.data };
}

/** What this version cannot run yet, although the schema knows it; null when all is well. */
export function unsupported(config: RunConfig): Failure | null {
  if (setupOf(config).replicas > MAX_REPLICAS)
    return {
      code: "config/unsupported",
      message: `Setup ${config.engine.setup} has more than the ${MAX_REPLICAS} replicas that a browser runs.`,
      remedy: "Use fewer, or export the run for PyTorch.",
    };
  if (config.engine.precision === "mixed" && !MIXED_ENGINES.includes(config.engine.name))
    return {
      code: "config/unsupported",
      message: `${config.engine.name} computes in 32-bit floats only.`,
      remedy: "Choose the engine webgpu for mixed precision, or precision f32.",
    };
  return null;
}

/** The config with what its absent fields mean, so that two of the same meaning are equal. */
export function explicitConfig(config: RunConfig): RunConfig {
  return { ...config, engine: { payload: "f32", batchNorm: "local", ...config.engine } };
}

/** Dotted paths at which `config` differs from `base`, with both values (JSON). */
export function diffConfigs(
  base: RunConfig,
  config: RunConfig,
): { path: string; base: unknown; value: unknown }[] {
  const out: { path: string; base: unknown; value: unknown }[] = [];
  const walk = (a: unknown, b: unknown, path: string): void => {
    if (isPlain(a) && isPlain(b))
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
        walk(a[key], b[key], path ? `${path}.${key}` : key);
    else if (JSON.stringify(a) !== JSON.stringify(b)) out.push({ path, base: a, value: b });
  };
  walk(base, config, "");
  return out;
}

/** The config as a query string: only what differs from the defaults, as `path=JSON`. */
export function configToQuery(config: RunConfig): string {
  const query = new URLSearchParams();
  for (const { path, value } of diffConfigs(DEFAULT_CONFIG, config)) query.set(path, JSON.stringify(value));
  return query.toString();
}

/** The inverse of `configToQuery`; fails as `parseRunConfig` does. Keys without a dot that no config has are left to the page. */
export function configFromQuery(query: string): Outcome<RunConfig> {
  const json: Plain = {};
  for (const [path, text] of new URLSearchParams(query)) {
    const keys = path.split(".");
    if (keys.length === 1 && !(path in DEFAULT_CONFIG)) continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = text;
    }
    let target = json;
    for (const key of keys.slice(0, -1)) {
      const next = isPlain(target[key]) ? target[key] : {};
      target[key] = next;
      target = next;
    }
    target[keys.at(-1) as string] = value;
  }
  return parseRunConfig(json);
}

/** Number of phantom images a source asks for, or null when it is no phantom source. */
export function phantomCount(source: string): number | null {
  return source.startsWith("phantom:") ? Number(source.slice("phantom:".length)) : null;
}

/** The dataset id of a `dataset:ID` source, else null. */
export function datasetId(source: string): string | null {
  return source.startsWith("dataset:") ? source.slice("dataset:".length) : null;
}

/** Throws `config/unsupported` for what this version cannot run. */
export function assertSupported(config: RunConfig): void {
  const failure = unsupported(config);
  if (failure) throw new LabError(failure.code, failure.message, failure.remedy);
}
