import { describe, expect, it } from "vitest";
import { DNCNN_EPSILON } from "@/model/dncnn";
import { relativeError } from "../fixtures";
import operations from "../fixtures/operations.json";
import { type NormParameters, normBackward, normForward, normInfer } from "./batchNorm";
import { convBackward, convForward } from "./conv";
import type { Feature } from "./feature";
import { maxPoolBackward, maxPoolForward } from "./maxPool";
import { reluBackward, reluForward } from "./relu";
import { subtractBackward, subtractForward } from "./subtract";
import { upconvBackward, upconvForward } from "./upconv";
import { upsampleBackward, upsampleForward } from "./upsample";

/** Both sides compute in float64; the file has twelve digits. */
const RTOL = 1e-10;

interface Case {
  readonly shape: readonly number[];
  readonly outputShape: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly gradient: readonly number[];
  readonly inputGradient: readonly number[];
  readonly state: Readonly<Record<string, readonly number[]>>;
  readonly stateGradients: Readonly<Record<string, readonly number[]>>;
  readonly stateAfter: Readonly<Record<string, readonly number[]>>;
  readonly evaluated?: readonly number[];
}
const CASES = operations as unknown as Readonly<Record<string, Case>>;

function caseOf(name: string): Case {
  const found = CASES[name];
  if (!found) throw new Error(`no case ${name}`);
  return found;
}

/** [N, C, H, W] numbers as a channel-major feature map. */
function feature(values: readonly number[], shape: readonly number[]): Feature {
  const [images, channels, height, width] = shape as [number, number, number, number];
  const plane = height * width;
  const data = new Float64Array(values.length);
  for (let n = 0; n < images; n++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < plane; i++)
        data[(c * images + n) * plane + i] = values[(n * channels + c) * plane + i] as number;
  return { images, channels, height, width, data };
}

const numbers = (values: readonly number[] | undefined): Float64Array => Float64Array.from(values ?? []);
const input = ({ input, shape }: Case): Feature => feature(input, shape);
const gradient = ({ gradient, outputShape }: Case): Feature => feature(gradient, outputShape);

function expectEqual(actual: Feature, values: readonly number[], shape: readonly number[]): void {
  const expected = feature(values, shape);
  expect({ ...actual, data: null }).toEqual({ ...expected, data: null });
  expect(relativeError(actual.data, expected.data)).toBeLessThan(RTOL);
}

function expectValues(actual: ArrayLike<number>, values: readonly number[] | undefined): void {
  expect(relativeError(actual, values ?? [])).toBeLessThan(RTOL);
}

describe("operations against PyTorch", () => {
  it.each([
    ["conv 3x3", 3],
    ["conv 1x1", 1],
    ["conv 3x3 on one pixel", 3],
  ] as const)("%s", (name, kernel) => {
    const c = caseOf(name);
    const weight = numbers(c.state["weight"]);
    const out = convForward(input(c), weight, numbers(c.state["bias"]), kernel, c.outputShape[1] as number);
    expectEqual(out, c.output, c.outputShape);
    const parts = convBackward(input(c), weight, gradient(c), kernel, true);
    expectEqual(parts.input as Feature, c.inputGradient, c.shape);
    expectValues(parts.weight, c.stateGradients["weight"]);
    expectValues(parts.bias, c.stateGradients["bias"]);
    expect(convBackward(input(c), weight, gradient(c), kernel, false).input).toBeNull();
  });

  it("upconv", () => {
    const c = caseOf("upconv");
    const weight = numbers(c.state["weight"]);
    const out = upconvForward(input(c), weight, numbers(c.state["bias"]), c.outputShape[1] as number);
    expectEqual(out, c.output, c.outputShape);
    const parts = upconvBackward(input(c), weight, gradient(c));
    expectEqual(parts.input, c.inputGradient, c.shape);
    expectValues(parts.weight, c.stateGradients["weight"]);
    expectValues(parts.bias, c.stateGradients["bias"]);
  });

  it("batchNorm, its running statistics and its evaluation mode", () => {
    const c = caseOf("batchNorm");
    const parameters: NormParameters = {
      scale: numbers(c.state["weight"]),
      shift: numbers(c.state["bias"]),
      runningMean: numbers(c.state["running_mean"]),
      runningVariance: numbers(c.state["running_var"]),
    };
    const { out, saved } = normForward(input(c), parameters);
    expectEqual(out, c.output, c.outputShape);
    expectValues(parameters.runningMean, c.stateAfter["running_mean"]);
    expectValues(parameters.runningVariance, c.stateAfter["running_var"]);
    const parts = normBackward(gradient(c), parameters.scale, saved);
    expectEqual(parts.input, c.inputGradient, c.shape);
    expectValues(parts.scale, c.stateGradients["weight"]);
    expectValues(parts.shift, c.stateGradients["bias"]);
    expectEqual(normInfer(input(c), parameters), c.evaluated ?? [], c.outputShape);
  });

  it("batchNorm of another epsilon", () => {
    const c = caseOf("batchNorm of another epsilon");
    const parameters: NormParameters = {
      scale: numbers(c.state["weight"]),
      shift: numbers(c.state["bias"]),
      runningMean: numbers(c.state["running_mean"]),
      runningVariance: numbers(c.state["running_var"]),
    };
    const { out, saved } = normForward(input(c), parameters, DNCNN_EPSILON);
    expectEqual(out, c.output, c.outputShape);
    expectEqual(normBackward(gradient(c), parameters.scale, saved).input, c.inputGradient, c.shape);
    expectEqual(normInfer(input(c), parameters, DNCNN_EPSILON), c.evaluated ?? [], c.outputShape);
  });

  it("subtract", () => {
    const c = caseOf("subtract");
    const second = feature(c.state["second"] ?? [], c.shape);
    expectEqual(subtractForward(input(c), second), c.output, c.outputShape);
    const [first, other] = subtractBackward(gradient(c));
    expectEqual(first, c.inputGradient, c.shape);
    expectEqual(other, c.stateGradients["second"] ?? [], c.shape);
  });

  it("maxPool, ties to the first", () => {
    const c = caseOf("maxPool");
    const { out, winners } = maxPoolForward(input(c));
    expectEqual(out, c.output, c.outputShape);
    expectEqual(maxPoolBackward(gradient(c), winners), c.inputGradient, c.shape);
  });

  it("relu", () => {
    const c = caseOf("relu");
    const out = reluForward(input(c));
    expectEqual(out, c.output, c.outputShape);
    expectEqual(reluBackward(out, gradient(c)), c.inputGradient, c.shape);
  });

  it.each(["upsample", "upsample of one pixel"])("%s", (name) => {
    const c = caseOf(name);
    expectEqual(upsampleForward(input(c)), c.output, c.outputShape);
    expectEqual(upsampleBackward(input(c), gradient(c)), c.inputGradient, c.shape);
  });
});

describe("normForward", () => {
  it("refuses to train on one value a channel, as PyTorch does", () => {
    const x = feature([1, 2], [1, 2, 1, 1]);
    const one = (): Float64Array => new Float64Array(2).fill(1);
    const parameters = { scale: one(), shift: one(), runningMean: one(), runningVariance: one() };
    expect(() => normForward(x, parameters)).toThrow("shape/batch");
    expect(parameters.runningMean).toEqual(one());
  });
});
