import { acquireDevice } from "@/engine/webgpu/device";
import { plansFor } from "@/engine/webgpu/planFor";
import { problemsOf } from "@/engine/webgpu/tuner";
import { openDeviceBench } from "@/engine/webgpu/tuningBench";
import { buildGraph } from "@/model/build";
import type { Settings } from "./card";

/** A way slower than this many ms is not timed further. */
const LIMIT_MS = 400;

/** Times every variant of every kernel of a plan, the largest share first: what the tuner chooses from. */
export async function timeVariants(settings: Settings): Promise<object> {
  const { model, width, size, images, precision, seconds, only, infer } = settings;
  const graph = buildGraph({ name: model, width, norm: "last" });
  const lab = await acquireDevice();
  const options = { graph, height: size, width: size, loss: "l1", precision } as const;
  const target = { ...lab.target, tuning: new Map() };
  const plan = plansFor(options, infer ? "inference" : "training", target).planAt(images);
  const deadline = performance.now() + 1000 * seconds;
  const timed: Record<string, Record<string, number>> = {};
  const chosen: Record<string, string> = {};
  for (const { label, index } of problemsOf(plan, new Set())) {
    if (!only.test(label)) continue;
    if (performance.now() > deadline) break;
    const dispatch = plan.dispatches[index];
    if (!dispatch) continue;
    const bench = await openDeviceBench(lab, dispatch, plan);
    const found: Record<string, number> = {};
    console.log(label);
    try {
      for (const { name, build } of dispatch.kernel.alternatives ?? []) {
        try {
          const started = performance.now();
          const kernel = build();
          const candidate = await bench.prepare(kernel);
          const compileMs = performance.now() - started;
          const estimate = await candidate.estimateMs(LIMIT_MS);
          if (estimate > LIMIT_MS) console.log(`  ${name}: about ${estimate.toFixed(0)} ms`);
          else {
            const { deviation } = await candidate.compute();
            const ms = await candidate.timeMs();
            found[name] = ms;
            console.log(
              `  ${name.padEnd(34)} ${ms.toFixed(3).padStart(8)} ms ${(kernel.flops / ms / 1e9).toFixed(2).padStart(7)} TFLOP/s  deviation ${deviation.toExponential(1)}  compiled in ${compileMs.toFixed(0)} ms  ${kernel.workgroups.join("×")}`,
            );
          }
          candidate.free();
        } catch (error) {
          console.log(`  ${name}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    } finally {
      bench.free();
    }
    timed[label] = found;
    const [fastest] = Object.entries(found).sort(([, a], [, b]) => a - b);
    if (fastest) chosen[label] = fastest[0];
  }
  return { settings, timed, chosen };
}
