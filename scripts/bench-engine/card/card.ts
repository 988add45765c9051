import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { setUpNodeGpu } from "@/engine/webgpu/nodeGpu";
import { checkEngine } from "./checks";
import { probe } from "./probe";
import { timeRivals } from "./rivals";
import { timeSteps } from "./steps";
import { timeVariants } from "./variants";

/**
 * The engine on a graphics card, in Node without a browser (Dawn); see `pack.mjs`. A JSON object per command, also to `--json`.
 */
const USAGE = `Usage: node card.mjs probe|check|variants|steps|rivals [options]

  probe      adapter, features, matrix units, best float32 matrix product
  check      every kernel against float64, both networks against PyTorch's fixtures
  variants   time of every way to compute every kernel of a training step
  steps      training steps: time, speed, share of each kind of kernel
  rivals     training steps (or forward passes) in turn with stock tfjs and jax-js

  --model unet|unetpp   --width 64   --size 256   --images 16   --precision f32|mixed
  --rounds 20           steps timed, after 3 that warm up
  --tune 0              seconds of autotuning before the steps
  --tuning FILE         choices of an earlier "variants --json FILE" instead
  --seconds 300         most time for "variants"
  --only REGEXP         kernels for "variants"; groups for "check"
  --infer               a forward pass instead of a training step
  --dispatches          also every dispatch of a step
  --json FILE`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: "string", default: "unet" },
    width: { type: "string", default: "64" },
    size: { type: "string", default: "256" },
    images: { type: "string", default: "16" },
    precision: { type: "string", default: "f32" },
    rounds: { type: "string", default: "20" },
    tune: { type: "string", default: "0" },
    tuning: { type: "string" },
    seconds: { type: "string", default: "300" },
    only: { type: "string" },
    infer: { type: "boolean", default: false },
    dispatches: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

export interface Settings {
  readonly model: "unet" | "unetpp";
  readonly width: number;
  readonly size: number;
  readonly images: number;
  readonly precision: "f32" | "mixed";
  readonly rounds: number;
  readonly tuneSeconds: number;
  readonly tuning: string | undefined;
  readonly seconds: number;
  readonly only: RegExp;
  readonly infer: boolean;
  readonly dispatches: boolean;
}

const settings: Settings = {
  model: values.model === "unetpp" ? "unetpp" : "unet",
  width: Number(values.width),
  size: Number(values.size),
  images: Number(values.images),
  precision: values.precision === "mixed" ? "mixed" : "f32",
  rounds: Number(values.rounds),
  tuneSeconds: Number(values.tune),
  tuning: values.tuning,
  seconds: Number(values.seconds),
  only: new RegExp(values.only ?? ""),
  infer: values.infer,
  dispatches: values.dispatches,
};

const COMMANDS: Readonly<Record<string, (settings: Settings) => Promise<object>>> = {
  probe,
  check: checkEngine,
  variants: timeVariants,
  steps: timeSteps,
  rivals: timeRivals,
};

const run = COMMANDS[positionals[0] ?? ""];
if (values.help || !run) {
  console.log(USAGE);
  process.exit(values.help ? 0 : 2);
}
const missing = await setUpNodeGpu();
if (missing) {
  console.error(missing);
  process.exit(1);
}
const report = await run(settings);
if (values.json) writeFileSync(values.json, JSON.stringify(report));
// Dawn's threads would keep the process.
process.exit(0);
