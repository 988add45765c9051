import type { ModelConfig } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import { readSafetensors } from "@/model/safetensors";
import type { Batch, ExecutorOptions } from "./executor";

/**
 * What PyTorch computed (pytorch/make_fixtures.py), for tests of engines in Node and in the browser. Imported by tests
 * only, so that none of it reaches the built page.
 */
export const FIXTURE_NAMES = ["unet", "unetpp", "unet-l2", "unet-both", "dncnn", "dncnn-none"] as const;
export type FixtureName = (typeof FIXTURE_NAMES)[number];

interface FixtureAbout {
  readonly model: ModelConfig;
  readonly loss: "l1" | "l2";
  readonly learningRate: number;
  readonly adam: ExecutorOptions["adam"];
  /** Loss before each of the 20 steps, in float64 and in PyTorch's float32. */
  readonly losses: readonly number[];
  readonly lossesFloat32: readonly number[];
  /**
   * Parameters whose first gradient cancels to zero but for rounding and BatchNorm's ε (a bias that BatchNorm subtracts
   * again, say). Adam turns that rounding into drift in float32, and the `running_mean` behind it follows: leave both out
   * of comparisons of float32 engines.
   */
  readonly zeroGradients: readonly string[];
  /** How far PyTorch's own float32 run is from its float64 run: losses relative, tensors relative to their largest value. */
  readonly float32Error: { readonly losses: number; readonly gradients: number; readonly final: number };
}

export interface Fixture extends FixtureAbout {
  readonly height: number;
  readonly width: number;
  /** Step s (from 0) trains on `batches[s % batches.length]`. */
  readonly batches: readonly Batch[];
  readonly initial: StateDict;
  /** Of the first step, trainable parameters only. */
  readonly gradients: StateDict;
  /** After the last step, BatchNorm buffers included, and its evaluation-mode output [images, H, W] for `batches[0].noisy`; where the file has them. */
  readonly final: StateDict | null;
  readonly inferred: Float32Array<ArrayBuffer> | null;
}

/** `?url&inline`: as data URLs, which `fetch` reads in Node and in browsers alike. */
const FILES = import.meta.glob<string>("./fixtures/*.safetensors", {
  query: "?url&inline",
  import: "default",
});

async function readFixtureFile(name: string): Promise<ReturnType<typeof readSafetensors>> {
  const load = FILES[`./fixtures/${name}.safetensors`];
  if (!load) throw new Error(`There is no fixture ${name}.`);
  const response = await fetch(await load());
  return readSafetensors(new Uint8Array(await response.arrayBuffer()));
}

function withPrefix(tensors: StateDict, prefix: string, names: readonly string[]): StateDict {
  const found: StateDict = new Map();
  for (const name of names) {
    const tensor = tensors.get(prefix + name);
    if (tensor) found.set(name, tensor);
  }
  return found;
}

async function loadBatches(): Promise<{ batches: Batch[]; height: number; width: number }> {
  const { tensors } = await readFixtureFile("batches");
  const noisy = tensors.get("noisy");
  const clean = tensors.get("clean");
  if (!noisy || !clean) throw new Error("The fixture batches lack noisy or clean.");
  const [count, images, height, width] = noisy.shape as [number, number, number, number];
  const values = images * height * width;
  const batches = Array.from({ length: count }, (_, i) => ({
    images,
    noisy: noisy.data.slice(i * values, (i + 1) * values),
    clean: clean.data.slice(i * values, (i + 1) * values),
  }));
  return { batches, height, width };
}

/** One network's fixture with the batches it was made with. */
export async function loadFixture(name: FixtureName): Promise<Fixture> {
  const [{ tensors, metadata }, batches] = await Promise.all([readFixtureFile(name), loadBatches()]);
  const about = JSON.parse(metadata["about"] ?? "null") as FixtureAbout;
  const order = JSON.parse(metadata["order"] ?? "[]") as string[];
  const final = withPrefix(tensors, "final/", order);
  return {
    ...about,
    ...batches,
    initial: withPrefix(tensors, "initial/", order),
    gradients: withPrefix(tensors, "gradients/", order),
    final: final.size > 0 ? final : null,
    inferred: tensors.get("inferred")?.data ?? null,
  };
}

/** Largest |actual − expected| relative to the largest |expected| (to `floor` where that is larger): how tensors are compared. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>, floor = 0): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = floor;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs((actual[i] as number) - (expected[i] as number));
    if (!(error <= difference)) difference = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
    scale = Math.max(scale, Math.abs(expected[i] as number));
  }
  return difference === 0 ? 0 : difference / scale;
}
