import { LabError } from "@/contracts/failure";
import { type ModelConfig, runConfigSchema } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import { buildGraph } from "./build";
import { identifyDnCNN, renumberMerged } from "./dncnnStateDict";
import type { Graph } from "./graph";
import { parameterList } from "./parameters";
import { readWeightsFile } from "./weightsFile";

const PARALLEL_PREFIX = "module.";
const TRAINED_HEAD = "final_X04.";
const OTHER_HEADS = /^final_X0[123]\./;
const REMEDY =
  "Use weights of U-Net or U-Net++ with the study's names, or of DnCNN with KAIR's, saved from their state dict.";

/**
 * The names that one network with one head has: without DataParallel's `module.`, and of the multi-head U-Net++ only
 * the head that is trained, `final_X04`, as `final`. A DnCNN whose BatchNorm was merged is numbered without gaps.
 */
export function canonicalStateDict(stateDict: StateDict): StateDict {
  const canonical: StateDict = new Map();
  for (const [name, tensor] of stateDict) {
    const plain = name.startsWith(PARALLEL_PREFIX) ? name.slice(PARALLEL_PREFIX.length) : name;
    if (OTHER_HEADS.test(plain)) continue;
    canonical.set(
      plain.startsWith(TRAINED_HEAD) ? `final.${plain.slice(TRAINED_HEAD.length)}` : plain,
      tensor,
    );
  }
  return renumberMerged(canonical);
}

const first = (names: readonly string[]): string =>
  names.length === 1 ? `${names[0]}` : `${names[0]} and ${names.length - 1} more`;

/**
 * Throws unless the state dict has exactly the graph's names and shapes: `weights/missing`, `weights/unexpected`,
 * `weights/shape`; each names the first tensor and how many others are like it.
 */
export function checkStateDict(graph: Graph, stateDict: StateDict): void {
  const parameters = parameterList(graph);
  const missing = parameters.filter(({ name }) => !stateDict.has(name)).map(({ name }) => name);
  if (missing.length > 0)
    throw new LabError("weights/missing", `The weights lack ${first(missing)} of ${graph.name}.`, REMEDY);
  const expected = new Set(parameters.map(({ name }) => name));
  const unexpected = [...stateDict.keys()].filter((name) => !expected.has(name));
  if (unexpected.length > 0)
    throw new LabError(
      "weights/unexpected",
      `The weights hold ${first(unexpected)}, which ${graph.name} does not have.`,
      REMEDY,
    );
  const text = (shape: readonly number[] | undefined): string => `[${shape?.join(", ")}]`;
  const wrong = parameters.filter(({ name, shape }) => text(stateDict.get(name)?.shape) !== text(shape));
  const [worst] = wrong;
  if (worst)
    throw new LabError(
      "weights/shape",
      `${worst.name} has the shape ${text(stateDict.get(worst.name)?.shape)} instead of ${text(worst.shape)}` +
        `${wrong.length > 1 ? `, and ${wrong.length - 1} more differ` : ""}.`,
      REMEDY,
    );
}

/**
 * Which network a state dict belongs to, from its names and shapes; DataParallel's and multi-head names are understood.
 * Failures: `weights/network` (none of the networks), `weights/missing`, `weights/unexpected`, `weights/shape` (one of them,
 * but not quite).
 */
export function identifyModel(stateDict: StateDict): ModelConfig {
  const canonical = canonicalStateDict(stateDict);
  const has = (name: string): boolean => canonical.has(name);
  const unet = canonical.get("conv1.0.weight");
  const unetpp = canonical.get("conv0_0.block.0.weight");
  const [stem, weight, name] = unet
    ? (["conv1", unet, "unet"] as const)
    : (["conv0_0.block", unetpp, "unetpp"] as const);
  const dncnn = weight ? null : identifyDnCNN(canonical);
  const found = dncnn
    ? { name: "dncnn", ...dncnn }
    : { name, width: weight?.shape[0], norm: has(`${stem}.1.running_mean`) ? "both" : "last" };
  const model = runConfigSchema.shape.model.safeParse(found);
  if (!model.success) {
    const example = stateDict.keys().next().value;
    throw new LabError(
      "weights/network",
      example === undefined
        ? "The weight file holds no tensors."
        : `These weights (${stateDict.size} tensors, the first ${example}) belong to none of U-Net, U-Net++ and DnCNN.`,
      REMEDY,
    );
  }
  checkStateDict(buildGraph(model.data), canonical);
  return model.data;
}

export interface ModelWeights {
  readonly model: ModelConfig;
  /** Complete, in the network's order, under its plain names. */
  readonly weights: StateDict;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A safetensors or PyTorch file as a network and its weights. Fails as `readWeightsFile` and `identifyModel` do. */
export function readModelFile(bytes: Uint8Array): ModelWeights {
  const { tensors, metadata } = readWeightsFile(bytes);
  const model = identifyModel(tensors);
  const canonical = canonicalStateDict(tensors);
  const weights: StateDict = new Map();
  for (const { name } of parameterList(buildGraph(model))) {
    const tensor = canonical.get(name);
    if (tensor) weights.set(name, tensor);
  }
  return { model, weights, metadata };
}
