import { readFileSync } from "node:fs";
import { acquireDevice } from "@/engine/webgpu/device";
import { webgpuTuner } from "@/engine/webgpu/engineTuner";
import { WebgpuExecutor } from "@/engine/webgpu/executor";
import type { DispatchTime } from "@/engine/webgpu/program";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { initialWeights } from "@/model/init";
import type { Settings } from "./card";

const WARM_UP = 3;

/** Time of training steps (or forward passes), and where it goes. */
export async function timeSteps(settings: Settings): Promise<object> {
  const { model, width, size, images, precision, rounds, tuneSeconds, infer } = settings;
  const graph = buildGraph({ name: model, width, norm: "last" });
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  const base = { graph, height: size, width: size, loss: "l1", precision, adam } as const;
  let tuning: Record<string, string> = settings.tuning ? readTuning(settings.tuning) : {};
  const lab = await acquireDevice();
  let tuned: object | null = null;
  if (tuneSeconds > 0) {
    const pass = infer ? "inference" : "training";
    const found = await webgpuTuner.tune(base, images, pass, {
      known: new Set(),
      budgetMs: 1000 * tuneSeconds,
    });
    tuning = Object.fromEntries(found.entries.map(({ kernel, variant }) => [kernel, variant]));
    const { entries, left, seconds, failures } = found;
    tuned = { kernels: entries.length, left, seconds, failures };
    console.log(
      `tuned ${entries.length} kernels in ${seconds.toFixed(1)} s, ${left} left, failed:`,
      failures,
    );
  }
  const executor = await WebgpuExecutor.create(lab, { ...base, tuning, weights: initialWeights(graph, 1) });
  const clean = Float32Array.from({ length: images * size * size }, (_, i) => ((i * 7919) % 1009) / 1009);
  const noisy = clean.map((value, i) => value + 0.1 * Math.sin(i * 12.9898));
  const batch = { images, clean, noisy };
  const losses: number[] = [];
  const step = async (): Promise<number> => {
    const start = performance.now();
    if (infer) await executor.infer(noisy, images);
    else losses.push(await executor.trainStep(batch, 1e-4));
    return performance.now() - start;
  };
  const firstMs = await step();
  for (let i = 1; i < WARM_UP; i++) await step();
  const ms: number[] = [];
  const host = hostTimes(lab.device);
  for (let round = 0; round < rounds; round++) ms.push(await step());
  host.stop();
  const { peakBytes } = executor.memory();
  const flops = (infer ? 1 : 3) * images * forwardFlops(graph, size, size);
  const sorted = ms.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  console.log(
    `${model} w${width} ${size}² b${images} ${precision}${infer ? " inference" : ""}: ${median.toFixed(1)} ms (${sorted[0]?.toFixed(1)}–${sorted.at(-1)?.toFixed(1)}, n ${rounds}), ${(flops / median / 1e9).toFixed(2)} TFLOP/s, ${((1000 * images) / median).toFixed(1)} images/s, first ${firstMs.toFixed(0)} ms, peak ${(peakBytes / 2 ** 30).toFixed(2)} GiB, loss ${losses[0]?.toFixed(5)} → ${losses.at(-1)?.toFixed(5)}`,
  );
  console.log(
    `  on the host, a step: ${Object.entries(host.ms)
      .map(([what, sum]) => `${what} ${(sum / rounds).toFixed(2)} ms`)
      .join(", ")}`,
  );
  const dispatches = infer ? await executor.measureInference(noisy, images) : await executor.measure(batch);
  report(dispatches, settings.dispatches);
  await executor.dispose();
  return { settings, tuned, ms, median, flops, peakBytes, losses, dispatches };
}

/** How long the calls of the queue hold the thread. */
function hostTimes({ queue }: GPUDevice): { readonly ms: Record<string, number>; stop(): void } {
  const ms: Record<string, number> = { submit: 0, writeBuffer: 0 };
  const { submit, writeBuffer } = queue;
  const timed = <Arguments extends unknown[]>(what: string, call: (...given: Arguments) => undefined) =>
    function (this: GPUQueue, ...given: Arguments): undefined {
      const start = performance.now();
      call.apply(this, given);
      ms[what] = (ms[what] ?? 0) + performance.now() - start;
    };
  queue.submit = timed("submit", submit);
  queue.writeBuffer = timed("writeBuffer", writeBuffer as (...given: unknown[]) => undefined);
  return { ms, stop: () => Object.assign(queue, { submit, writeBuffer }) };
}

function readTuning(file: string): Record<string, string> {
  const { chosen } = JSON.parse(readFileSync(file, "utf8")) as { readonly chosen: Record<string, string> };
  return chosen;
}

function report(dispatches: readonly DispatchTime[], each: boolean): void {
  const kinds = new Map<string, { ms: number; flops: number; bytes: number; count: number }>();
  let total = 0;
  for (const { kernel, ms, flops, bytes } of dispatches) {
    const kind = kernel.split(" ")[0] ?? "";
    const sum = kinds.get(kind) ?? { ms: 0, flops: 0, bytes: 0, count: 0 };
    kinds.set(kind, {
      ms: sum.ms + ms,
      flops: sum.flops + flops,
      bytes: sum.bytes + bytes,
      count: sum.count + 1,
    });
    total += ms;
  }
  console.log(`dispatches ${dispatches.length}, together ${total.toFixed(1)} ms`);
  for (const [kind, { ms, flops, bytes, count }] of [...kinds].sort(([, a], [, b]) => b.ms - a.ms))
    console.log(
      `  ${kind.padEnd(20)} ${String(count).padStart(3)} × ${ms.toFixed(2).padStart(8)} ms ${(flops / ms / 1e9).toFixed(2).padStart(7)} TFLOP/s ${(bytes / ms / 1e6).toFixed(0).padStart(6)} GB/s`,
    );
  if (each)
    for (const { kernel, variant, ms, flops, bytes, workgroups } of dispatches)
      console.log(
        `    ${kernel.padEnd(44)} ${(variant ?? "").padEnd(30)} ${workgroups.join("×").padEnd(14)} ${ms.toFixed(3).padStart(8)} ms ${(flops / ms / 1e9).toFixed(2).padStart(7)} TFLOP/s ${(bytes / ms / 1e6).toFixed(0).padStart(6)} GB/s`,
      );
}
