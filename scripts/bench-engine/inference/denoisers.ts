import type { Tensor1D, Tensor4D, Tensor as TfTensor } from "@tensorflow/tfjs-core";
import type { StateDict } from "@/contracts/tensors";
import { webgpuEngine } from "@/engine/webgpu/engine";
import { WebgpuExecutor } from "@/engine/webgpu/executor";
import type { DispatchTime } from "@/engine/webgpu/program";
import { denoiseImage } from "@/evaluation/denoise";
import type { Graph } from "@/model/graph";
import { watchDevice } from "../deviceWatch";
import { openStockTfjs, type StockLayers, stockForward, stockWeights } from "../stockTfjs";
import { ADAM } from "../trainer";
import { foldNorms } from "./foldNorms";
import { INPUT, OUTPUT, onnxModel } from "./onnxModel";

export interface InferenceTask {
  readonly graph: Graph;
  readonly weights: StateDict;
  /** Height and width of the image. */
  readonly size: number;
}

/** One contender with the network on its device. */
export interface Denoiser {
  /** An image [size, size] from memory to memory. */
  infer(image: Float32Array<ArrayBuffer>): Promise<Float32Array>;
  /** Time of each dispatch, where the engine can tell. */
  readonly measure: ((image: Float32Array<ArrayBuffer>) => Promise<DispatchTime[]>) | null;
  dispose(): Promise<void>;
}

async function labExecutor(
  { graph, weights }: InferenceTask,
  precision: "f32" | "mixed",
  height: number,
  width: number,
): Promise<WebgpuExecutor> {
  const options = { graph, weights, height, width, loss: "l1", precision, adam: ADAM } as const;
  const executor = await webgpuEngine.create(options);
  if (!(executor instanceof WebgpuExecutor)) throw new Error("not the WGSL engine");
  return executor;
}

/** The lab's engine with the whole image at once. */
export const labWhole =
  (precision: "f32" | "mixed") =>
  async (task: InferenceTask): Promise<Denoiser> => {
    const executor = await labExecutor(task, precision, task.size, task.size);
    return {
      infer: (image) => executor.infer(image, 1),
      measure: (image) => executor.measureInference(image, 1),
      dispose: () => executor.dispose(),
    };
  };

/** As the lab denoises an image: in overlapping tiles where it is large (`evaluation/denoise`). */
export const labTiles =
  (precision: "f32" | "mixed") =>
  async (task: InferenceTask): Promise<Denoiser> => {
    let executor: WebgpuExecutor | null = null;
    return {
      infer: async (data) => {
        const image = { width: task.size, height: task.size, data };
        const denoised = await denoiseImage({
          image,
          infer: async (tile, height, width) => {
            executor ??= await labExecutor(task, precision, height, width);
            return executor.infer(tile, 1);
          },
        });
        return denoised.data;
      },
      measure: null,
      dispose: async () => executor?.dispose(),
    };
  };

/** Stock TensorFlow.js on WebGPU, BatchNorm folded into its fused convolutions as its model converter does. */
export async function stockTfjs({ graph, weights, size }: InferenceTask): Promise<Denoiser> {
  const { tf, device } = await openStockTfjs();
  const watch = watchDevice(device);
  const folded = foldNorms(graph.nodes, weights);
  const used = new Set(
    folded.nodes.flatMap((node) => ("name" in node ? [`${node.name}.weight`, `${node.name}.bias`] : [])),
  );
  const wanted = new Map([...folded.weights].filter(([name]) => used.has(name)));
  const tensors = stockWeights(tf, folded.nodes, wanted);
  const parameter = (name: string): TfTensor => {
    const found = tensors.get(name);
    if (!found) throw new Error(`tfjs: no parameter ${name}`);
    return found;
  };
  const layers: StockLayers = {
    conv: (x, filter: Tensor4D, bias: Tensor1D, relu) =>
      tf.fused.conv2d({ x, filter, strides: 1, pad: "same", bias, activation: relu ? "relu" : "linear" }),
    batchNorm: () => {
      throw new Error("every BatchNorm was folded");
    },
  };
  return {
    infer: async (image) => {
      const output = tf.tidy(() =>
        stockForward(tf, folded.nodes, parameter, layers, tf.tensor4d(image, [1, size, size, 1]), (value) =>
          value.dispose(),
        ),
      );
      const data = await output.data<"float32">();
      output.dispose();
      watch.throwIfFailed();
      return data;
    },
    measure: null,
    dispose: async () => {
      tf.dispose([...tensors.values()]);
      device.destroy();
    },
  };
}

/** onnxruntime-web's WebGPU provider on an ONNX file of the same network. */
export async function onnxRuntime({ graph, weights, size }: InferenceTask): Promise<Denoiser> {
  const [ort, module, binary] = await Promise.all([
    import("onnxruntime-web/webgpu"),
    import("onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url"),
    import("onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url"),
  ]);
  ort.env.wasm.wasmPaths = { mjs: module.default, wasm: binary.default };
  ort.env.logLevel = "error";
  const model = onnxModel(graph, weights, size, size);
  const session = await ort.InferenceSession.create(model, { executionProviders: ["webgpu"] });
  return {
    infer: async (image) => {
      const input = new ort.Tensor("float32", image, [1, 1, size, size]);
      const output = (await session.run({ [INPUT]: input }))[OUTPUT];
      const data = await output?.getData();
      if (!(data instanceof Float32Array)) throw new Error("onnxruntime-web gave no float32 image");
      return data;
    },
    measure: null,
    dispose: () => session.release(),
  };
}
