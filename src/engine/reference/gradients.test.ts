import { describe, expect, it } from "vitest";
import { PURPOSE, RandomStream } from "@/contracts/random";
import { buildGraph } from "@/model/build";
import type { Graph, GraphNode } from "@/model/graph";
import { initialWeights } from "@/model/init";
import { inferShapes } from "@/model/shapes";
import type { Feature } from "./feature";
import { lossWithGradient } from "./loss";
import { runBackward, runForward, type Values } from "./network";

/**
 * Central differences with h = 1e-7 are off by h² and by ε·loss/h, about 1e-8. A larger step meets kinks: with 1e-5 three
 * of the values tried here have a ReLU or a maximum change sides on the way.
 */
const STEP = 1e-7;
const RTOL = 2e-6;
/** Of each parameter this many values are tried; fewer in a whole network, which has hundreds of parameters. */
const TRIED_IN_OPERATION = 5;
const TRIED_IN_NETWORK = 1;

const IMAGES = 3;
const stream = new RandomStream(3, PURPOSE.bootstrap);
const random = (length: number): Float64Array =>
  Float64Array.from({ length }, () => 2 * stream.nextFloat() - 1);

/** Each operation between a convolution, which makes its channels, and another, which ends in one. */
const graphOf = (name: string, channels: number, nodes: GraphNode[]): Graph => {
  const id = nodes.length + 2;
  const last = nodes.at(-1)?.id ?? 1;
  return {
    name,
    inputChannels: 1,
    output: id,
    nodes: [
      { op: "input", id: 0 },
      { op: "conv", id: 1, input: 0, name: "stem", kernel: 3, outChannels: channels },
      ...nodes,
      { op: "conv", id, input: last, name: "head", kernel: 1, outChannels: 1 },
    ],
  };
};
const GRAPHS: Graph[] = [
  graphOf("conv 3×3", 2, [{ op: "conv", id: 2, input: 1, name: "a", kernel: 3, outChannels: 5 }]),
  graphOf("conv 1×1", 4, [{ op: "conv", id: 2, input: 1, name: "a", kernel: 1, outChannels: 3 }]),
  graphOf("upconv", 3, [{ op: "upconv", id: 2, input: 1, name: "a", outChannels: 2 }]),
  graphOf("batchNorm", 3, [{ op: "batchNorm", id: 2, input: 1, name: "a" }]),
  graphOf("relu", 3, [{ op: "relu", id: 2, input: 1 }]),
  graphOf("maxPool", 3, [{ op: "maxPool", id: 2, input: 1 }]),
  graphOf("upsample", 3, [{ op: "upsample", id: 2, input: 1 }]),
  graphOf("concat of one node twice", 2, [
    { op: "relu", id: 2, input: 1 },
    { op: "concat", id: 3, inputs: [2, 1, 2] },
  ]),
  graphOf("subtract, of one node twice too", 3, [
    { op: "relu", id: 2, input: 1 },
    { op: "subtract", id: 3, inputs: [2, 1] },
    { op: "subtract", id: 4, inputs: [3, 1] },
  ]),
  buildGraph({ name: "dncnn", width: 2, norm: "last" }),
  buildGraph({ name: "dncnn", width: 3, norm: "none" }),
  buildGraph({ name: "unet", width: 1, norm: "last" }),
  buildGraph({ name: "unetpp", width: 1, norm: "last" }),
  buildGraph({ name: "unet", width: 1, norm: "both" }),
];

const isNetwork = ({ name }: Graph): boolean => /^(unet|dncnn)/.test(name);

function problem(graph: Graph, kind: "l1" | "l2") {
  const [height, width] = graph.name.startsWith("unet") ? [16, 32] : [4, 6];
  const tried = isNetwork(graph) ? TRIED_IN_NETWORK : TRIED_IN_OPERATION;
  const shape = inferShapes(graph, height, width)[graph.output];
  const input: Feature = {
    channels: 1,
    images: IMAGES,
    height,
    width,
    data: random(IMAGES * height * width),
  };
  const target = random(IMAGES * (shape?.height ?? 0) * (shape?.width ?? 0));
  const state: Values = new Map(
    [...initialWeights(graph, 9)].map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
  const lossOf = (): number =>
    lossWithGradient(runForward(graph, state, input, true).output(graph.output), target, kind).loss;
  const gradientsOf = (): Values => {
    const tape = runForward(graph, state, input, true);
    return runBackward(
      graph,
      state,
      tape,
      lossWithGradient(tape.output(graph.output), target, kind).gradient,
    );
  };
  return { state, tried, lossOf, gradientsOf };
}

describe.each(["l1", "l2"] as const)("gradients against finite differences, %s", (kind) => {
  it.each(GRAPHS.map((graph) => [graph.name, graph] as const))("%s", (_, graph) => {
    const { state, tried, lossOf, gradientsOf } = problem(graph, kind);
    const gradients = gradientsOf();
    const largest = Math.max(...[...gradients.values()].flatMap((values) => [...values].map(Math.abs)));
    for (const [name, values] of gradients) {
      const parameter = state.get(name) as Float64Array;
      for (let trial = 0; trial < Math.min(tried, values.length); trial++) {
        const i = Math.floor(((trial + 0.5) * values.length) / Math.min(tried, values.length));
        const before = parameter[i] as number;
        parameter[i] = before + STEP;
        const above = lossOf();
        parameter[i] = before - STEP;
        const below = lossOf();
        parameter[i] = before;
        const error = Math.abs((above - below) / (2 * STEP) - (values[i] as number));
        expect(error / largest, `${name}[${i}]`).toBeLessThan(RTOL);
      }
    }
  });
});

describe("lossWithGradient", () => {
  const output: Feature = { channels: 1, images: 1, height: 1, width: 2, data: new Float64Array([1, 0.5]) };

  it("gives l1 no slope where output and target are equal", () => {
    const { loss, gradient } = lossWithGradient(output, [1, 0], "l1");
    expect(loss).toBe(0.25);
    expect([...gradient.data]).toEqual([0, 0.5]);
  });

  it("keeps a NaN", () => {
    expect(lossWithGradient(output, [Number.NaN, 0], "l1").loss).toBeNaN();
  });
});
