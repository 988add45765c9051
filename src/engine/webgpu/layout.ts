import { LabError } from "@/contracts/failure";
import type { StateDict } from "@/contracts/tensors";
import { type Parameter, parameterList } from "@/model/parameters";
import type { Feature, FeatureId, Lowered } from "./lower";

/** Every parameter begins at a multiple of this many floats, so that it can be bound by itself (256 bytes on any device). */
const ALIGNMENT_FLOATS = 64;

/** Channels on the device: a multiple of 4, except for the network's input of one. */
export function paddedChannels({ id, channels }: Feature, input: FeatureId): number {
  return id === input ? channels : 4 * Math.ceil(channels / 4);
}

/** A trainable parameter's place in the flat buffers of values, gradients and moments. */
export interface PlacedParameter {
  readonly name: string;
  /** PyTorch's shape. */
  readonly shape: readonly number[];
  readonly offset: number;
  /** Floats on the device, padding included. */
  readonly floats: number;
  /** Device place of PyTorch's (first, second, tap), for a vector of its only index as `first`. */
  readonly place: (first: number, second: number, tap: number) => number;
}

/** A BatchNorm's place: in the flat buffer of running statistics (means, variances) and in that of normalisations. */
export interface PlacedNorm {
  readonly name: string;
  readonly channels: number;
  /** Channels on the device. */
  readonly padded: number;
  readonly runningOffset: number;
  readonly normOffset: number;
}

export interface Layout {
  /** In the order of the state dict. */
  readonly all: readonly Parameter[];
  readonly parameters: ReadonlyMap<string, PlacedParameter>;
  readonly parameterFloats: number;
  readonly norms: ReadonlyMap<string, PlacedNorm>;
  readonly runningFloats: number;
  readonly normFloats: number;
}

/** Floats from one place that can be bound to the next. */
export const aligned = (floats: number): number => ALIGNMENT_FLOATS * Math.ceil(floats / ALIGNMENT_FLOATS);

/**
 * Where every parameter lies on the device. Convolutions are HWIO with padded channels, a concat's sources each padded by
 * themselves; padding holds zeros and keeps them, because its gradients are zero.
 */
export function layoutOf(lowered: Lowered): Layout {
  const { features, stages, input } = lowered;
  const paddedOf = (id: FeatureId): number => paddedChannels(features[id] as Feature, input);
  const all = parameterList(lowered.graph);
  const parameters = new Map<string, PlacedParameter>();
  const norms = new Map<string, PlacedNorm>();
  let parameterFloats = 0;
  let runningFloats = 0;
  let normFloats = 0;
  const shapeOf = (name: string): readonly number[] => all.find((found) => found.name === name)?.shape ?? [];
  const add = (name: string, floats: number, place: PlacedParameter["place"]): void => {
    parameters.set(name, { name, shape: shapeOf(name), offset: parameterFloats, floats, place });
    parameterFloats += aligned(floats);
  };
  const addVector = (name: string, floats: number): void => add(name, floats, (first) => first);
  for (const stage of stages) {
    if (stage.op === "conv") {
      const rows = paddedRows(stage.sources, features, paddedOf);
      const inChannels = stage.sources.reduce((sum, id) => sum + paddedOf(id), 0);
      const outChannels = paddedOf(stage.output);
      add(
        `${stage.name}.weight`,
        9 * inChannels * outChannels,
        (out, channel, tap) => (tap * inChannels + (rows[channel] as number)) * outChannels + out,
      );
      addVector(`${stage.name}.bias`, outChannels);
    } else if (stage.op === "upconv") {
      const inChannels = paddedOf(stage.source);
      const outChannels = paddedOf(stage.output);
      add(
        `${stage.name}.weight`,
        4 * inChannels * outChannels,
        (channel, out, tap) => (tap * inChannels + channel) * outChannels + out,
      );
      addVector(`${stage.name}.bias`, outChannels);
    } else if (stage.op === "head") {
      add(`${stage.name}.weight`, paddedOf(stage.source), (_, channel) => channel);
      addVector(`${stage.name}.bias`, 4);
    } else if (stage.op === "norm") {
      const padded = paddedOf(stage.feature);
      addVector(`${stage.name}.weight`, padded);
      addVector(`${stage.name}.bias`, padded);
      const { channels } = features[stage.feature] as Feature;
      norms.set(stage.name, {
        name: stage.name,
        channels,
        padded,
        runningOffset: runningFloats,
        normOffset: normFloats,
      });
      runningFloats += aligned(2 * padded);
      normFloats += aligned(4 * padded);
    }
  }
  return { all, parameters, parameterFloats, norms, runningFloats, normFloats };
}

/** By channel of a concat in the graph: its row on the device. */
function paddedRows(
  sources: readonly FeatureId[],
  features: readonly Feature[],
  paddedOf: (id: FeatureId) => number,
): number[] {
  const rows: number[] = [];
  let first = 0;
  for (const id of sources) {
    const { channels } = features[id] as Feature;
    for (let channel = 0; channel < channels; channel++) rows.push(first + channel);
    first += paddedOf(id);
  }
  return rows;
}

/** Visits (place in PyTorch's tensor, place in the flat buffer) of every value of a parameter. */
function eachValue(
  { shape, offset, place }: PlacedParameter,
  visit: (torch: number, device: number) => void,
): void {
  const [first = 1, second = 1, ...kernel] = shape;
  const taps = kernel.reduce((product, side) => product * side, 1);
  let torch = 0;
  for (let a = 0; a < first; a++)
    for (let b = 0; b < second; b++)
      for (let tap = 0; tap < taps; tap++) visit(torch++, offset + place(a, b, tap));
}

function dataOf(tensors: StateDict, name: string, count: number): Float32Array {
  const data = tensors.get(name)?.data;
  if (data?.length !== count)
    throw new LabError(
      "weights/shape",
      `${name} has ${data?.length ?? 0} values instead of ${count}.`,
      "Give tensors of the same network.",
    );
  return data;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

/** The flat device buffer of tensors by parameter name. Throws `weights/shape` for one that is missing or of another size. */
export function packParameters(layout: Layout, tensors: StateDict): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(layout.parameterFloats);
  for (const parameter of layout.parameters.values()) {
    const data = dataOf(tensors, parameter.name, sizeOf(parameter.shape));
    eachValue(parameter, (torch, device) => {
      flat[device] = data[torch] as number;
    });
  }
  return flat;
}

/** The inverse: trainable parameters in the order of the state dict. */
export function unpackParameters(layout: Layout, flat: Float32Array): StateDict {
  const tensors: StateDict = new Map();
  for (const { name } of layout.all) {
    const parameter = layout.parameters.get(name);
    if (!parameter) continue;
    const data = new Float32Array(sizeOf(parameter.shape));
    eachValue(parameter, (torch, device) => {
      data[torch] = flat[device] as number;
    });
    tensors.set(name, { shape: parameter.shape, data });
  }
  return tensors;
}

/** The flat buffer of running means and variances, [means, variances] a BatchNorm. */
export function packRunning(layout: Layout, weights: StateDict): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(layout.runningFloats);
  for (const { name, channels, padded, runningOffset } of layout.norms.values()) {
    flat.set(dataOf(weights, `${name}.running_mean`, channels), runningOffset);
    flat.set(dataOf(weights, `${name}.running_var`, channels), runningOffset + padded);
  }
  return flat;
}

/** A whole state dict, in its order, from trainable parameters, running statistics and the count of batches by BatchNorm. */
export function assembleWeights(
  layout: Layout,
  parameters: StateDict,
  running: Float32Array,
  batchesTracked: ReadonlyMap<string, number>,
): StateDict {
  const weights: StateDict = new Map();
  for (const { name, shape } of layout.all) {
    const trainable = parameters.get(name);
    if (trainable) {
      weights.set(name, trainable);
      continue;
    }
    const dot = name.lastIndexOf(".");
    const norm = layout.norms.get(name.slice(0, dot));
    if (!norm) continue;
    const kind = name.slice(dot + 1);
    if (kind === "num_batches_tracked") {
      weights.set(name, { shape, data: new Float32Array([batchesTracked.get(norm.name) ?? 0]) });
      continue;
    }
    const from = norm.runningOffset + (kind === "running_var" ? norm.padded : 0);
    weights.set(name, { shape, data: Float32Array.from(running.subarray(from, from + norm.channels)) });
  }
  return weights;
}
