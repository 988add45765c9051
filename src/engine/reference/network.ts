import type { Graph, GraphNode, NodeId } from "@/model/graph";
import type { GradientSums, Moments, Statistics, Synchroniser } from "../synchroniser";
import {
  momentsOf,
  moveRunning,
  type NormParameters,
  type NormSaved,
  normalise,
  normInfer,
  normInputGradient,
  sumsOf,
} from "./batchNorm";
import { concatBackward, concatForward } from "./concat";
import { convBackward, convForward } from "./conv";
import type { Feature } from "./feature";
import { maxPoolBackward, maxPoolForward } from "./maxPool";
import { reluBackward, reluForward } from "./relu";
import { subtractBackward, subtractForward } from "./subtract";
import { upconvBackward, upconvForward } from "./upconv";
import { upsampleBackward, upsampleForward } from "./upsample";

/** Values by state-dict name. */
export type Values = Map<string, Float64Array>;

function valueNamed(values: Values, name: string): Float64Array {
  const value = values.get(name);
  if (!value) throw new RangeError(`the state has no ${name}`);
  return value;
}

function normParameters(state: Values, name: string): NormParameters {
  return {
    scale: valueNamed(state, `${name}.weight`),
    shift: valueNamed(state, `${name}.bias`),
    runningMean: valueNamed(state, `${name}.running_mean`),
    runningVariance: valueNamed(state, `${name}.running_var`),
  };
}

/** Outputs of every node by id, and what its backward pass needs besides. */
export class Tape {
  readonly outputs: Feature[] = [];
  readonly norms = new Map<NodeId, NormSaved>();
  /** By BatchNorm's name, in the order of the forward pass. */
  readonly moments = new Map<string, Moments>();
  readonly winners = new Map<NodeId, Uint32Array>();

  output(id: NodeId): Feature {
    const feature = this.outputs[id];
    if (!feature) throw new RangeError(`node ${id} was not computed`);
    return feature;
  }

  /** Bytes held. */
  get bytes(): number {
    const held = [
      ...this.outputs.map(({ data }) => data),
      ...[...this.norms.values()].flatMap(({ normalised, inverseDeviation }) => [
        normalised,
        inverseDeviation,
      ]),
      ...this.winners.values(),
    ];
    return held.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}

/** A pass that stops at each BatchNorm with its own images' statistics, until it is told by which to go. */
type Asking<T> = Generator<Statistics, T, Moments | GradientSums>;

/** Runs a pass by its own statistics. */
function alone<T>(pass: Asking<T>): T {
  let turn = pass.next();
  while (!turn.done) turn = pass.next(turn.value.values);
  return turn.value;
}

/** Runs a pass by those of all replicas. Rejects as the synchroniser does. */
export async function together<T>(pass: Asking<T>, synchroniser: Synchroniser): Promise<T> {
  let turn = pass.next();
  while (!turn.done) {
    const { kind, values } = turn.value;
    turn = pass.next(
      kind === "moments" ? await synchroniser.moments(values) : await synchroniser.sums(values),
    );
  }
  return turn.value;
}

/** Runs the graph; nothing in `state` moves. `training` uses batch statistics, else the running ones. */
export function runForward(graph: Graph, state: Values, input: Feature, training: boolean): Tape {
  return alone(forwardPass(graph, state, input, training));
}

export function* forwardPass(graph: Graph, state: Values, input: Feature, training: boolean): Asking<Tape> {
  const tape = new Tape();
  const runNode = function* (node: GraphNode): Asking<Feature> {
    switch (node.op) {
      case "input":
        return input;
      case "conv": {
        const weight = valueNamed(state, `${node.name}.weight`);
        const bias = valueNamed(state, `${node.name}.bias`);
        return convForward(tape.output(node.input), weight, bias, node.kernel, node.outChannels);
      }
      case "upconv": {
        const weight = valueNamed(state, `${node.name}.weight`);
        const bias = valueNamed(state, `${node.name}.bias`);
        return upconvForward(tape.output(node.input), weight, bias, node.outChannels);
      }
      case "batchNorm": {
        const parameters = normParameters(state, node.name);
        if (!training) return normInfer(tape.output(node.input), parameters, node.epsilon);
        const x = tape.output(node.input);
        const moments = (yield { kind: "moments", values: momentsOf(x) }) as Moments;
        const { out, saved } = normalise(x, parameters, moments, node.epsilon);
        tape.norms.set(node.id, saved);
        tape.moments.set(node.name, moments);
        return out;
      }
      case "relu":
        return reluForward(tape.output(node.input));
      case "maxPool": {
        const { out, winners } = maxPoolForward(tape.output(node.input));
        tape.winners.set(node.id, winners);
        return out;
      }
      case "upsample":
        return upsampleForward(tape.output(node.input));
      case "concat":
        return concatForward(node.inputs.map((id) => tape.output(id)));
      case "subtract":
        return subtractForward(tape.output(node.inputs[0]), tape.output(node.inputs[1]));
      default:
        return node satisfies never;
    }
  };
  for (const node of graph.nodes) tape.outputs[node.id] = yield* runNode(node);
  return tape;
}

/** Moves the running statistics of every BatchNorm by a batch's moments, and counts the batch. */
export function moveAllRunning(state: Values, moments: ReadonlyMap<string, Moments>): void {
  for (const [name, batch] of moments) {
    moveRunning(normParameters(state, name), batch);
    const tracked = valueNamed(state, `${name}.num_batches_tracked`);
    tracked[0] = (tracked[0] as number) + 1;
  }
}

/** Gradients of the trainable parameters from the gradient of the graph's output, walking the tape backwards. */
export function runBackward(graph: Graph, state: Values, tape: Tape, outputGradient: Feature): Values {
  return alone(backwardPass(graph, state, tape, outputGradient));
}

export function* backwardPass(
  graph: Graph,
  state: Values,
  tape: Tape,
  outputGradient: Feature,
): Asking<Values> {
  const gradients: Values = new Map();
  const flowing = new Map<NodeId, Feature>([[graph.output, outputGradient]]);
  const inputNode = graph.nodes.find(({ op }) => op === "input")?.id;
  const send = (id: NodeId, gradient: Feature): void => {
    const there = flowing.get(id);
    if (!there) flowing.set(id, gradient);
    else
      for (let i = 0; i < gradient.data.length; i++)
        there.data[i] = (there.data[i] as number) + (gradient.data[i] as number);
  };
  for (const node of graph.nodes.toReversed()) {
    const gradient = flowing.get(node.id);
    flowing.delete(node.id);
    if (!gradient) continue;
    switch (node.op) {
      case "input":
        break;
      case "conv": {
        const weight = valueNamed(state, `${node.name}.weight`);
        const wantInput = node.input !== inputNode;
        const parts = convBackward(tape.output(node.input), weight, gradient, node.kernel, wantInput);
        gradients.set(`${node.name}.weight`, parts.weight);
        gradients.set(`${node.name}.bias`, parts.bias);
        if (parts.input) send(node.input, parts.input);
        break;
      }
      case "upconv": {
        const weight = valueNamed(state, `${node.name}.weight`);
        const parts = upconvBackward(tape.output(node.input), weight, gradient);
        gradients.set(`${node.name}.weight`, parts.weight);
        gradients.set(`${node.name}.bias`, parts.bias);
        send(node.input, parts.input);
        break;
      }
      case "batchNorm": {
        const saved = tape.norms.get(node.id);
        if (!saved) throw new RangeError(`node ${node.id} did not run in training mode`);
        const own = sumsOf(gradient, saved);
        gradients.set(`${node.name}.weight`, own.product);
        gradients.set(`${node.name}.bias`, own.sum);
        const sums = (yield { kind: "sums", values: own }) as GradientSums;
        send(node.input, normInputGradient(gradient, valueNamed(state, `${node.name}.weight`), saved, sums));
        break;
      }
      case "relu":
        send(node.input, reluBackward(tape.output(node.id), gradient));
        break;
      case "maxPool":
        send(node.input, maxPoolBackward(gradient, tape.winners.get(node.id) ?? new Uint32Array(0)));
        break;
      case "upsample":
        send(node.input, upsampleBackward(tape.output(node.input), gradient));
        break;
      case "concat": {
        const inputs = node.inputs.map((id) => tape.output(id));
        concatBackward(inputs, gradient).forEach((part, i) => {
          send(node.inputs[i] as NodeId, part);
        });
        break;
      }
      case "subtract": {
        const parts = subtractBackward(gradient);
        send(node.inputs[0], parts[0]);
        send(node.inputs[1], parts[1]);
        break;
      }
      default:
        node satisfies never;
    }
  }
  return gradients;
}
