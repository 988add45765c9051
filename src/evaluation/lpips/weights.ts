import { LabError } from "@/contracts/failure";
import { LPIPS_NETWORKS, type LpipsNetwork } from "@/contracts/lpips";
import type { StateDict } from "@/contracts/tensors";
import { readSafetensors } from "@/model/safetensors";

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

/** What keeps `tensors` from being a network's weights: one clause, or null. */
function mismatch(network: LpipsNetwork, tensors: StateDict): string | null {
  const shapes = lpipsShapes(network);
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
 * The LPIPS v0.1 weights of a safetensors file (float32 or float16): AlexNet's or SqueezeNet's convolutions, the heads
 * `linN` and the scaling layer; the network is found from the names. Failures: `weights/lpips` (another file, or a tensor
 * is missing or misshapen) and those of `readSafetensors`.
 */
export function readLpipsWeights(bytes: Uint8Array): LpipsWeights {
  const { tensors } = readSafetensors(bytes);
  const network = tensors.has("fire3.squeeze.weight") ? "squeeze" : "alex";
  const wrong = mismatch(network, tensors);
  if (wrong !== null)
    throw new LabError(
      "weights/lpips",
      `This file holds no LPIPS v0.1 weights (${LPIPS_NETWORKS.join(" or ")}): ${wrong}.`,
      "Make the file with pytorch/make_lpips_weights.py.",
    );
  return { network, tensors };
}
