import type { ModelConfig } from "@/contracts/runConfig";
import type { Batch, Engine, Executor } from "@/engine/executor";
import { tfjsEngine } from "@/engine/tfjs/engine";
import { webgpuEngine } from "@/engine/webgpu/engine";
import { WebgpuExecutor } from "@/engine/webgpu/executor";
import type { DispatchTime } from "@/engine/webgpu/program";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { initialWeights } from "@/model/init";

/** What `scripts/bench-engine.mjs` runs in the browser. */

export interface BenchRequest {
  readonly model: ModelConfig["name"];
  readonly width: number;
  readonly size: number;
  readonly images: number;
  /** Steps timed of each engine, alternating; one more of each warms up. */
  readonly rounds: number;
  readonly engines: readonly string[];
  /** Also time every dispatch of the webgpu engine. */
  readonly profile: boolean;
}

export interface BenchReport {
  readonly adapter: string;
  readonly engines: Readonly<
    Record<
      string,
      {
        readonly stepMs: number[];
        readonly firstMs: number;
        readonly peakBytes: number;
        readonly loss: number;
      }
    >
  >;
  /** Three forward passes: the arithmetic of a training step. */
  readonly stepFlops: number;
  readonly dispatches: readonly DispatchTime[];
}

const ENGINES: Readonly<Record<string, Engine>> = {
  webgpu: webgpuEngine,
  "tfjs-webgpu": tfjsEngine("webgpu"),
  "tfjs-wasm": tfjsEngine("wasm"),
};

export async function benchEngines(request: BenchRequest): Promise<BenchReport> {
  const { model, width, size, images, rounds } = request;
  const graph = buildGraph({ name: model, width, norm: "last" });
  const values = images * size * size;
  const noisy = Float32Array.from({ length: values }, (_, i) => (i % 251) / 251);
  const batch: Batch = { images, noisy, clean: noisy.map((value) => 1 - value) };
  const executors: { name: string; executor: Executor; stepMs: number[]; firstMs: number; loss: number }[] =
    [];
  const step = async (executor: Executor): Promise<{ ms: number; loss: number }> => {
    const start = performance.now();
    const loss = await executor.trainStep(batch, 1e-3);
    return { ms: performance.now() - start, loss };
  };
  for (const name of request.engines) {
    const engine = ENGINES[name];
    if (!engine) throw new Error(`There is no engine ${name}.`);
    const executor = await engine.create({
      graph,
      weights: initialWeights(graph, 1),
      height: size,
      width: size,
      loss: "l1",
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    });
    const { ms, loss } = await step(executor);
    executors.push({ name, executor, stepMs: [], firstMs: ms, loss });
  }
  for (let round = 0; round < rounds; round++)
    for (const entry of executors) entry.stepMs.push((await step(entry.executor)).ms);
  let dispatches: readonly DispatchTime[] = [];
  let adapter = "";
  for (const { executor } of executors) {
    const found = executor.info.adapter;
    if (found) adapter = `${found.vendor} ${found.architecture} ${found.device} ${found.description}`;
    if (request.profile && executor instanceof WebgpuExecutor) dispatches = await executor.measure(batch);
  }
  const engines = Object.fromEntries(
    executors.map(({ name, executor, stepMs, firstMs, loss }) => [
      name,
      { stepMs, firstMs, loss, peakBytes: executor.memory().peakBytes },
    ]),
  );
  for (const { executor } of executors) await executor.dispose();
  return { adapter, engines, stepFlops: 3 * images * forwardFlops(graph, size, size), dispatches };
}
