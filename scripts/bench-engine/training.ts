import { acquireDevice } from "@/engine/webgpu/device";
import { bestMatmulGflops, type MatmulSpeed } from "@/engine/webgpu/matmulProbe";
import type { DispatchTime } from "@/engine/webgpu/program";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { initialWeights } from "@/model/init";
import { alternate, type Candidate, type Contender, type Runner } from "./alternate";
import type { DeviceBytes } from "./deviceBytes";
import { makeJaxTrainer } from "./jaxTrainer";
import { judgeLosses } from "./judge";
import { makeLabF32, makeLabMixed, makeLabWasm, type ProfiledTrainer } from "./labTrainers";
import type { TrainingName } from "./options";
import { makeStockTfjs } from "./stockTfjs";
import { ADAM, type MakeTrainer, makeBatch, type Trainer } from "./trainer";

export interface TrainingRequest {
  readonly model: "unet" | "unetpp";
  readonly width: number;
  readonly size: number;
  readonly images: number;
  readonly rounds: number;
  readonly engines: readonly TrainingName[];
  /** Also time every dispatch of the lab's engine (float32, or mixed where that runs alone). */
  readonly profile: boolean;
}

/** What was measured on the device, of training or of inference. */
export interface Measured {
  readonly adapter: string;
  readonly contenders: readonly Contender[];
  /** Arithmetic of one run: a training step is three forward passes. */
  readonly flops: number;
  readonly matmul: MatmulSpeed;
  readonly dispatches: readonly DispatchTime[];
}

const TRAINERS: Readonly<Record<TrainingName, MakeTrainer>> = {
  webgpu: makeLabF32,
  "webgpu-mixed": makeLabMixed,
  "tfjs-webgpu": makeStockTfjs,
  "tfjs-wasm": makeLabWasm,
  "jax-js": makeJaxTrainer,
};

/** The same steps from the same weights by every engine asked for, in turn. Runs in a page and in Node. */
export async function benchTraining(
  request: TrainingRequest,
  bytes: DeviceBytes,
  progress: (line: string) => void,
): Promise<Measured> {
  const { model, width, size, images, rounds } = request;
  const graph = buildGraph({ name: model, width, norm: "last" });
  const weights = initialWeights(graph, 1);
  const task = { graph, weights, images, size, learningRate: 1e-3, adam: ADAM };
  const batch = makeBatch(images, size);
  const trainers = new Map<string, Trainer>();
  const candidates = request.engines.map(
    (name): Candidate => ({
      name,
      usesGpu: name !== "tfjs-wasm",
      make: async () => {
        const trainer = await TRAINERS[name](task);
        trainers.set(name, trainer);
        return { run: () => trainer.step(batch), dispose: () => trainer.dispose() };
      },
    }),
  );
  let dispatches: readonly DispatchTime[] = [];
  const profiled = request.engines.find((name) => name === "webgpu" || name === "webgpu-mixed");
  const meanwhile = async (name: string, _: Runner): Promise<void> => {
    if (!request.profile || name !== profiled) return;
    const { measure } = trainers.get(name) as ProfiledTrainer;
    if (measure) dispatches = await measure(batch);
  };
  const contenders = judgeLosses(await alternate(candidates, rounds, bytes, progress, meanwhile));
  return {
    ...(await measureDevice()),
    contenders,
    flops: 3 * images * forwardFlops(graph, size, size),
    dispatches,
  };
}

/** The adapter in words and its best float32 matrix product. */
export async function measureDevice(): Promise<Pick<Measured, "adapter" | "matmul">> {
  const lab = await acquireDevice();
  const { vendor, architecture, device, description } = lab.adapter;
  const words = [vendor, architecture, device, description].filter((word) => word !== "").join(" ");
  const adapter = lab.target.software ? `software adapter (no GPU): ${words}` : words;
  return { adapter, matmul: await bestMatmulGflops(lab) };
}
