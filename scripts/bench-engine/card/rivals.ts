import { cpus, loadavg } from "node:os";
import { DeviceBytes } from "../deviceBytes";
import { benchInference } from "../inference/inference";
import { type Report, reportText } from "../report";
import { benchTraining } from "../training";
import type { Settings } from "./card";

declare const __COMMIT__: string;

/**
 * The engine beside stock tfjs and jax-js on the card, in turn; images of a forward pass one by one (there is no
 * onnxruntime-web outside of browsers).
 */
export async function timeRivals(settings: Settings): Promise<object> {
  const { model, width, size, images, rounds, infer } = settings;
  // TensorFlow.js takes WebGPU for absent without a window or worker; jax-js asks for the browser's name.
  Object.assign(globalThis, { WorkerGlobalScope: class {}, self: globalThis });
  Object.assign(navigator, { userAgent: `Node ${process.version}` });
  const loadBefore = loadavg()[0] ?? Number.NaN;
  const bytes = new DeviceBytes();
  bytes.install();
  const progress = (line: string): void => console.error(line);
  const common = { model, width, size, rounds, profile: false } as const;
  const measured = infer
    ? await benchInference({ ...common, engines: ["webgpu", "webgpu-mixed", "tfjs-webgpu"] }, bytes, progress)
    : await benchTraining(
        { ...common, images, engines: ["webgpu", "webgpu-mixed", "tfjs-webgpu", "jax-js"] },
        bytes,
        progress,
      );
  const report: Report = {
    title: `${model} width ${width}, ${size}², batch ${infer ? 1 : images}, one ${infer ? "forward pass" : "training step"}`,
    measured,
    conditions: {
      commit: __COMMIT__,
      cores: cpus().length,
      processor: cpus()[0]?.model ?? "unknown processor",
      loadBefore,
      loadAfter: loadavg()[0] ?? Number.NaN,
      versions: { Node: process.version },
    },
    pytorch: null,
  };
  process.stdout.write(reportText(report));
  return report;
}
