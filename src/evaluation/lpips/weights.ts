import { LabError } from "@/contracts/failure";
import { LPIPS_NETWORKS, type LpipsNetwork } from "@/contracts/lpips";
import type { StateDict } from "@/contracts/tensors";
import { readWeightsFile } from "@/model/weightsFile";

/** Output channels, input channels, kernel side. */
type ConvShape = readonly [name: string, out: number, input: number, kernel: number];

const ALEX_CONVS: readonly ConvShape[] = [
  ["conv1", 64, 3, 11],
  ["conv2", 192, 64, 5],
  ["conv3", 384, 192, 3],
  ["conv4", 256, 384, 3],
  ["conv5", 256, 256, 3],
];

/** Input, squeezed and expanded channels (of each of the two expansions). */
type FireShape = readonly [name: string, input: number, squeezed: number, expanded: number];

const FIRES: readonly FireShape[] = [
  ["fire3", 64, 16, 64],
  ["fire4", 128, 16, 64],
  ["fire6", 128, 32, 128],
  ["fire7", 256, 32, 128],
  ["fire9", 256, 48, 192],
  ["fire10", 384, 48, 192],
  ["fire11", 384, 64, 256],
  ["fire12", 512, 64, 256],
];

const SQUEEZE_CONVS: readonly ConvShape[] = [
  ["conv1", 64, 3, 3],
  ...FIRES.flatMap(([name, input, squeezed, expanded]): ConvShape[] => [
    [`${name}.squeeze`, squeezed, input, 1],
    [`${name}.expand1x1`, expanded, squeezed, 1],
    [`${name}.expand3x3`, expanded, squeezed, 3],
  ]),
];

/** Channels of the compared features, in order. */
const TAP_CHANNELS: Readonly<Record<LpipsNetwork, readonly number[]>> = {
  alex: [64, 192, 384, 256, 256],
  squeeze: [64, 128, 256, 384, 384, 512, 512],
};

const CONVS: Readonly<Record<LpipsNetwork, readonly ConvShape[]>> = {
  alex: ALEX_CONVS,
  squeeze: SQUEEZE_CONVS,
};

/** Name → shape of every tensor of a network's file, in PyTorch's layouts. */
export function lpipsShapes(network: LpipsNetwork): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const [name, out, input, kernel] of CONVS[network]) {
    shapes.set(`${name}.weight`, [out, input, kernel, kernel]);
    shapes.set(`${name}.bias`, [out]);
  }
  for (const [tap, channels] of TAP_CHANNELS[network].entries())
    shapes.set(`lin${tap}.weight`, [1, channels, 1, 1]);
  shapes.set("shift", [3]);
  shapes.set("scale", [3]);
  return shapes;
}

export interface LpipsWeights {
  readonly network: LpipsNetwork;
  readonly tensors: StateDict;
}

const elements = (shape: readonly number[]): number => shape.reduce((count, side) => count * side, 1);
/** Sides of 1 come and go with the tool that wrote a file. */
const core = (shape: readonly number[]): string => shape.filter((side) => side !== 1).join("×");

/** A network's convolutions (published by torchvision), its heads and scaling layer (by LPIPS' authors), or both. */
export type LpipsPartKind = "backbone" | "heads" | "whole";
export interface LpipsPart {
  readonly kind: LpipsPartKind;
  readonly network: LpipsNetwork;
  /** Under the lab's names. */
  readonly tensors: StateDict;
}

/** The scaling layer of LPIPS' authors, a part of their code and not of their heads' files. */
const SCALING = { shift: [-0.03, -0.088, -0.188], scale: [0.458, 0.448, 0.45] } as const;
/** The lab's names for AlexNet's convolutions, by their index in torchvision's `features`. */
const ALEX_NAMES: Readonly<Record<string, string>> = {
  "0": "conv1",
  "3": "conv2",
  "6": "conv3",
  "8": "conv4",
  "10": "conv5",
};

const belongsTo = (name: string): Exclude<LpipsPartKind, "whole"> =>
  /^(conv|fire)/.test(name) ? "backbone" : "heads";

/** What keeps `tensors` from being that part of a network's weights: one clause, or null. */
function mismatch({ kind, network, tensors }: LpipsPart): string | null {
  const shapes = new Map(
    [...lpipsShapes(network)].filter(([name]) => kind === "whole" || belongsTo(name) === kind),
  );
  for (const [name, shape] of shapes) {
    const tensor = tensors.get(name);
    if (!tensor) return `${name} is missing`;
    if (core(tensor.shape) !== core(shape) || tensor.data.length !== elements(shape))
      return `${name} is [${tensor.shape.join(", ")}] instead of [${shape.join(", ")}]`;
    if (!tensor.data.every(Number.isFinite)) return `${name} holds numbers that are not finite`;
  }
  for (const name of tensors.keys()) if (!shapes.has(name)) return `${name} belongs to no part of it`;
  return null;
}

/**
 * The lab's name of a tensor in torchvision's file (`features.0.weight`, `features.3.squeeze.bias`), in that of the
 * authors' heads (`lin0.model.1.weight`) or in a saved `lpips.LPIPS` (`net.slice1.0.weight`).
 */
function labName(name: string): string {
  const [, index = "", rest = ""] = /^(?:features|net\.slice\d)\.(\d+)\.(.+)$/.exec(name) ?? [];
  if (/^(squeeze|expand1x1|expand3x3)\./.test(rest)) return `fire${index}.${rest}`;
  if (index !== "") return `${ALEX_NAMES[index] ?? `features.${index}`}.${rest}`;
  const [, head] = /^lin(\d)\.model\.1\.weight$/.exec(name) ?? [];
  if (head !== undefined) return `lin${head}.weight`;
  return name.replace(/^scaling_layer\./, "");
}

/** Not LPIPS' concern: the classifier, most of AlexNet's file; and the heads a second time in a saved `lpips.LPIPS`. */
const wanted = (name: string): boolean => !/^(classifier|lins)\./.test(name);

/**
 * Reads LPIPS v0.1 weights or one of their two published parts, safetensors or PyTorch's own format, float32 or float16;
 * network and part are found from the names. Failures: `weights/lpips` (another file, or a tensor is missing or
 * misshapen) and those of `readWeightsFile`.
 */
export function readLpipsPart(bytes: Uint8Array): LpipsPart {
  const tensors: StateDict = new Map();
  for (const [name, tensor] of readWeightsFile(bytes, wanted).tensors) tensors.set(labName(name), tensor);
  const [backbone, heads] = [tensors.has("conv1.weight"), tensors.has("lin0.weight")];
  const kind = backbone && heads ? "whole" : heads ? "heads" : "backbone";
  const network = tensors.has("fire3.squeeze.weight") || tensors.has("lin6.weight") ? "squeeze" : "alex";
  if (heads)
    for (const [name, values] of Object.entries(SCALING))
      if (!tensors.has(name)) tensors.set(name, { shape: [3], data: Float32Array.from(values) });
  const part = { kind, network, tensors } as const;
  const wrong = mismatch(part);
  if (wrong !== null)
    throw new LabError(
      "weights/lpips",
      `This file holds no LPIPS v0.1 weights (${LPIPS_NETWORKS.join(" or ")}): ${wrong}.`,
      "Get a file with npm run get-lpips, or load the original .pth files.",
    );
  return part;
}

/**
 * The weights of each network that `parts` make whole, in the order of `LPIPS_NETWORKS`. Fails with `weights/lpips-part`
 * when a part has no counterpart.
 */
export function assembleLpips(parts: readonly LpipsPart[]): LpipsWeights[] {
  return LPIPS_NETWORKS.flatMap((network) => {
    const own = parts.filter((part) => part.network === network);
    if (own.length === 0) return [];
    const tensors: StateDict = new Map(own.flatMap((part) => [...part.tensors]));
    const missing = (["backbone", "heads"] as const).find(
      (kind) => !own.some((part) => part.kind === kind || part.kind === "whole"),
    );
    if (missing === undefined) return [{ network, tensors }];
    const name = network === "alex" ? "AlexNet" : "SqueezeNet";
    const [what, file] =
      missing === "heads"
        ? [`the weights of ${name} without LPIPS' heads`, `lpips/weights/v0.1/${network}.pth of its authors`]
        : [`LPIPS' heads for ${name} without the network`, "torchvision's file of the network"];
    throw new LabError(
      "weights/lpips-part",
      `There are ${what}.`,
      `Choose both files at once: the other is ${file}.`,
    );
  });
}

/** The whole LPIPS v0.1 weights of one file. Fails as `readLpipsPart` and `assembleLpips` do. */
export function readLpipsWeights(bytes: Uint8Array): LpipsWeights {
  const [weights] = assembleLpips([readLpipsPart(bytes)]);
  return weights as LpipsWeights;
}
