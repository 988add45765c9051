import { expose } from "comlink";
import type { EngineLabApi, PlanReport, PlanRequest, TuningEntry } from "@/contracts/engineLab";
import { LabError, outcomeOf } from "@/contracts/failure";
import { acquireDevice, type LabDevice } from "@/engine/webgpu/device";
import { WebgpuExecutor } from "@/engine/webgpu/executor";
import { planInference } from "@/engine/webgpu/inferencePlan";
import { layoutOf } from "@/engine/webgpu/layout";
import { lower } from "@/engine/webgpu/lower";
import { Network } from "@/engine/webgpu/network";
import { planTraining } from "@/engine/webgpu/trainingPlan";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";

const ROUNDS = 3;
let cancellations = 0;
let stored: TuningEntry[] = [];

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const deviceName = ({ adapter }: LabDevice): string =>
  [adapter.vendor, adapter.architecture, adapter.device, adapter.description].filter(Boolean).join(" ");

function planOf(lab: LabDevice, request: PlanRequest) {
  const { model, size, images, precision, pass } = request;
  const lowered = lower(buildGraph(model), size, size);
  const layout = layoutOf(lowered);
  const network = new Network(lowered, layout, images, precision === "mixed" ? "f16" : "f32");
  const target = { ...lab.target, tuning: new Map(stored.map(({ kernel, variant }) => [kernel, variant])) };
  const plan = pass === "training" ? planTraining(network, "l1", target) : planInference(network, target);
  return { plan, parameterBytes: 16 * layout.parameterFloats };
}

function reportOf(lab: LabDevice, request: PlanRequest): PlanReport {
  const { plan, parameterBytes } = planOf(lab, request);
  return {
    request,
    adapter: lab.adapter,
    features: lab.features,
    nodes: plan.dispatches.map(({ label, kernel }) => ({
      label,
      kernel: kernel.label,
      variant: kernel.variant ?? null,
      workgroups: kernel.workgroups,
      flops: kernel.flops,
      bytes: kernel.bytes,
      startMs: null,
      ms: null,
    })),
    flops: plan.flops,
    bytesMoved: plan.bytesMoved,
    tensorBytes: plan.slotBytes,
    parameterBytes,
    notes: [],
    stepMs: null,
    matmulGflops: null,
  };
}

async function executorOf(lab: LabDevice, request: PlanRequest, tuning: Record<string, string>) {
  const { model, size, images, precision, pass } = request;
  if (pass === "inference")
    throw new LabError("engine/unsupported", "Inference is not measured yet.", "Choose training.");
  const graph = buildGraph(model);
  const executor = await WebgpuExecutor.create(lab, {
    graph,
    weights: initialWeights(graph, 1),
    height: size,
    width: size,
    loss: "l1",
    precision,
    tuning,
    adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  });
  const pixels = Float32Array.from({ length: images * size * size }, (_, i) => (i % 251) / 251);
  return { executor, batch: { images, noisy: pixels, clean: pixels } };
}

function stopper(): () => void {
  const asked = cancellations;
  return () => {
    if (asked !== cancellations) throw new LabError("run/cancelled", "Cancelled.", "Start it again.");
  };
}

const api: EngineLabApi = {
  plan: (request) => outcomeOf(async () => reportOf(await acquireDevice(), request)),
  measure: (request, onProgress) =>
    outcomeOf(async () => {
      const stop = stopper();
      const lab = await acquireDevice();
      const tuning = Object.fromEntries(stored.map(({ kernel, variant }) => [kernel, variant]));
      const { executor, batch } = await executorOf(lab, request, tuning);
      try {
        const rounds: number[][] = [];
        const steps: number[] = [];
        for (let round = 0; round <= ROUNDS; round++) {
          stop();
          const times = await executor.measure(batch);
          const start = performance.now();
          await executor.trainStep(batch, 0);
          if (round > 0) {
            rounds.push(times.map(({ ms }) => ms));
            steps.push(performance.now() - start);
          }
          onProgress({ done: round + 1, total: ROUNDS + 1 });
        }
        const report = reportOf(lab, request);
        let startMs = 0;
        const nodes = report.nodes.map((node, index) => {
          const ms = median(rounds.map((times) => times[index] ?? 0));
          startMs += ms;
          return { ...node, ms, startMs: startMs - ms };
        });
        return { ...report, nodes, stepMs: median(steps) };
      } finally {
        await executor.dispose();
      }
    }),
  tune: (request, budgetSeconds, onProgress) =>
    outcomeOf(async () => {
      const stop = stopper();
      const lab = await acquireDevice();
      const start = performance.now();
      const seconds = (): number => (performance.now() - start) / 1000;
      const known = new Set(stored.map(({ kernel }) => kernel));
      const kernels = new Map(
        planOf(lab, request).plan.dispatches.map(({ kernel }) => [kernel.label, kernel]),
      );
      const wanted = [...kernels.values()].filter(
        ({ label, alternatives }) => alternatives && !known.has(label),
      );
      const entries: TuningEntry[] = [];
      for (const [done, { label, alternatives }] of wanted.entries()) {
        if (seconds() > budgetSeconds) break;
        const secondsLeft = done > 0 ? (seconds() / done) * (wanted.length - done) : null;
        onProgress({ done, total: wanted.length, kernel: label, secondsLeft });
        const times: { readonly name: string; readonly ms: number }[] = [];
        for (const { name } of alternatives ?? []) {
          stop();
          const { executor, batch } = await executorOf(lab, request, { [label]: name });
          try {
            await executor.measure(batch);
            const found = (await executor.measure(batch)).find(({ kernel }) => kernel === label);
            times.push({ name, ms: found?.ms ?? 0 });
          } finally {
            await executor.dispose();
          }
        }
        const [first] = times;
        const best = times.toSorted((a, b) => a.ms - b.ms)[0];
        if (!first || !best) continue;
        entries.push({
          device: deviceName(lab),
          kernel: label,
          variant: best.name,
          ms: best.ms,
          defaultVariant: first.name,
          defaultMs: first.ms,
          measuredAtMs: Date.now(),
        });
        stored = [...stored, entries.at(-1) as TuningEntry];
      }
      return { entries, left: wanted.length - entries.length, seconds: seconds(), failures: [] };
    }),
  cancel: () => {
    cancellations++;
    return Promise.resolve();
  },
  tuning: () => Promise.resolve({ ok: true, value: stored }),
  resetTuning: () => {
    stored = [];
    return Promise.resolve({ ok: true, value: undefined });
  },
};

expose(api);
