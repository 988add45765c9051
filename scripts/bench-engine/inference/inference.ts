import type { DispatchTime } from "@/engine/webgpu/program";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { alternate, type Candidate, type Contender } from "../alternate";
import type { DeviceBytes } from "../deviceBytes";
import { referenceOf } from "../judge";
import type { InferenceName } from "../options";
import { makeBatch } from "../trainer";
import { type Measured, measureDevice } from "../training";
import { type Denoiser, type InferenceTask, labTiles, labWhole, onnxRuntime, stockTfjs } from "./denoisers";
import { inferenceWeights } from "./weights";

export interface InferenceRequest {
  readonly model: "unet" | "unetpp";
  readonly width: number;
  readonly size: number;
  readonly rounds: number;
  readonly engines: readonly InferenceName[];
  /** Also time every dispatch of the lab's engine. */
  readonly profile: boolean;
}

const DENOISERS: Readonly<Record<InferenceName, (task: InferenceTask) => Promise<Denoiser>>> = {
  webgpu: labWhole("f32"),
  "webgpu-mixed": labWhole("mixed"),
  "webgpu-tiles": labTiles("f32"),
  "webgpu-mixed-tiles": labTiles("mixed"),
  "tfjs-webgpu": stockTfjs,
  "onnxruntime-web": onnxRuntime,
};

/** Difference allowed from the reference, as a share of the largest output: float32 sums in another order. */
const OUTPUT_TOLERANCE = 1e-3;
/** Halves carry 11 bits through some twenty layers; tiles end where the untrained network still sees further. */
const ROUGH_TOLERANCE = 5e-2;

/** One image through the network by every engine asked for, in turn, from memory to memory. */
export async function benchInference(
  request: InferenceRequest,
  bytes: DeviceBytes,
  progress: (line: string) => void,
): Promise<Measured> {
  const { model, width, size, rounds } = request;
  const graph = buildGraph({ name: model, width, norm: "last" });
  const task = { graph, weights: inferenceWeights(graph), size };
  const { noisy } = makeBatch(1, size);
  const denoisers = new Map<string, Denoiser>();
  const outputs = new Map<string, Float32Array>();
  const candidates = request.engines.map(
    (name): Candidate => ({
      name,
      usesGpu: true,
      make: async () => {
        const denoiser = await DENOISERS[name](task);
        denoisers.set(name, denoiser);
        return {
          run: async () => {
            const output = await denoiser.infer(noisy);
            outputs.set(name, output);
            return output[0] ?? Number.NaN;
          },
          dispose: () => denoiser.dispose(),
        };
      },
    }),
  );
  let dispatches: readonly DispatchTime[] = [];
  const contenders = await alternate(candidates, rounds, bytes, progress, async (name) => {
    const measure = denoisers.get(name)?.measure;
    if (request.profile && dispatches.length === 0 && measure) dispatches = await measure(noisy);
  });
  return {
    ...(await measureDevice()),
    contenders: judgeOutputs(contenders, outputs, progress),
    flops: forwardFlops(graph, size, size),
    dispatches,
  };
}

/** The same contenders, those failed whose image is not the reference's. */
function judgeOutputs(
  contenders: readonly Contender[],
  outputs: ReadonlyMap<string, Float32Array>,
  progress: (line: string) => void,
): Contender[] {
  const reference = referenceOf(contenders);
  const expected = outputs.get(reference?.name ?? "");
  return contenders.map((contender): Contender => {
    const { name, failure } = contender;
    const output = outputs.get(name);
    const judged = { ...contender, results: [] };
    if (failure !== null || !expected || !output) return judged;
    const off = largestDifference(output, expected);
    progress(`${name}: differs from ${reference?.name} by ${off.toExponential(1)} of the largest value`);
    const tolerance = /mixed|tiles/.test(name) ? ROUGH_TOLERANCE : OUTPUT_TOLERANCE;
    // NaN is off too.
    if (off <= tolerance) return judged;
    return {
      ...judged,
      failure: `wrong: differs from ${reference?.name} by ${off.toPrecision(2)} of the largest value (${tolerance} allowed)`,
    };
  });
}

/** Largest difference as a share of the largest expected magnitude; NaN where sizes differ or a number is none. */
function largestDifference(output: Float32Array, expected: Float32Array): number {
  if (output.length !== expected.length) return Number.NaN;
  let difference = 0;
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    const off = Math.abs((output[i] ?? Number.NaN) - value);
    if (!(off <= difference)) difference = off;
    largest = Math.max(largest, Math.abs(value));
  }
  return difference / largest;
}
