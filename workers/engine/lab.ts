import type {
  EngineLabApi,
  PlanReport,
  PlanRequest,
  TuningEntry,
  TuningProgress,
  TuningReport,
} from "@/contracts/engineLab";
import { LabError, type Outcome, outcomeOf } from "@/contracts/failure";
import type { Listener } from "@/contracts/workers";
import { acquireDevice } from "@/engine/webgpu/device";
import { webgpuTuner } from "@/engine/webgpu/engineTuner";
import { WebgpuExecutor } from "@/engine/webgpu/executor";
import { bestMatmulGflops, type MatmulSpeed } from "@/engine/webgpu/matmulProbe";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { clearTuning, listTuning, putTuning } from "@/storage/tuning";
import { storedTuning } from "../tuning";
import { measuredReport, planReport } from "./planReport";

/** Measured runs behind the warm-up. */
const ROUNDS = 3;

/** What the engine screen asks: plans, measurements and tuning, one after the other. */
export class EngineLab implements EngineLabApi {
  private stopping = new AbortController();
  /** Measured once a worker. */
  private matmul: MatmulSpeed | null = null;

  plan(request: PlanRequest): Promise<Outcome<PlanReport>> {
    return outcomeOf(async () => planReport(await acquireDevice(), request, await storedTuning(webgpuTuner)));
  }

  measure(
    request: PlanRequest,
    onProgress: Listener<{ readonly done: number; readonly total: number }>,
  ): Promise<Outcome<PlanReport>> {
    return outcomeOf(async () => {
      const signal = this.begin();
      const lab = await acquireDevice();
      const tuning = await storedTuning(webgpuTuner);
      const executor = await this.executorOf(request, tuning);
      try {
        const { images, size, pass } = request;
        const noisy = Float32Array.from({ length: images * size * size }, (_, i) => (i % 251) / 251);
        const batch = { images, noisy, clean: noisy.map((value) => 1 - value) };
        const notes = pass === "training" ? await executor.prepare(images) : [];
        const rounds = [];
        const stepMs: number[] = [];
        const total = 1 + ROUNDS;
        for (let round = 0; round < total; round++) {
          signal.throwIfAborted();
          const times =
            pass === "training"
              ? await executor.measure(batch)
              : await executor.measureInference(noisy, images);
          const begunMs = performance.now();
          // The learning rate is 0: the weights stay.
          if (pass === "training") await executor.trainStep(batch, 0);
          else await executor.infer(noisy, images);
          // The first round compiles.
          if (round > 0) {
            rounds.push(times);
            stepMs.push(performance.now() - begunMs);
          }
          onProgress({ done: round + 1, total });
        }
        this.matmul ??= await bestMatmulGflops(lab);
        const report = { ...planReport(lab, request, tuning), matmulGflops: this.matmul.gflops };
        return measuredReport(report, rounds, stepMs, notes);
      } finally {
        await executor.dispose();
      }
    });
  }

  tune(
    request: PlanRequest,
    budgetSeconds: number,
    onProgress: Listener<TuningProgress>,
  ): Promise<Outcome<TuningReport>> {
    return outcomeOf(async () => {
      const signal = this.begin();
      const { model, size, images, precision, pass } = request;
      const known = new Set(Object.keys(await storedTuning(webgpuTuner)));
      const writes: Promise<void>[] = [];
      const options = { graph: buildGraph(model), height: size, width: size, loss: "l1", precision } as const;
      try {
        return await webgpuTuner.tune(options, images, pass, {
          known,
          budgetMs: 1000 * budgetSeconds,
          signal,
          onProgress,
          onEntry: (entry) => writes.push(putTuning(entry)),
        });
      } finally {
        await Promise.all(writes);
      }
    });
  }

  async cancel(): Promise<void> {
    this.stopping.abort(
      new LabError("run/cancelled", "Cancelled.", "What was tuned until then is kept; start it again."),
    );
  }

  tuning(): Promise<Outcome<readonly TuningEntry[]>> {
    return outcomeOf(listTuning);
  }

  resetTuning(): Promise<Outcome<void>> {
    return outcomeOf(clearTuning);
  }

  private begin(): AbortSignal {
    this.stopping = new AbortController();
    return this.stopping.signal;
  }

  private async executorOf(
    { model, size, precision }: PlanRequest,
    tuning: Readonly<Record<string, string>>,
  ): Promise<WebgpuExecutor> {
    const graph = buildGraph(model);
    return WebgpuExecutor.create(await acquireDevice(), {
      graph,
      weights: initialWeights(graph, 1),
      height: size,
      width: size,
      loss: "l1",
      precision,
      tuning,
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    });
  }
}
