import type { PlanReport, PlanRequest } from "@/contracts/engineLab";
import type { LabDevice } from "@/engine/webgpu/device";
import { plansFor } from "@/engine/webgpu/planFor";
import type { DispatchTime } from "@/engine/webgpu/program";
import { buildGraph } from "@/model/build";

/** The plan of a request with these choices of the tuner; compiles nothing. */
export function planReport(
  lab: LabDevice,
  request: PlanRequest,
  tuning: Readonly<Record<string, string>>,
): PlanReport {
  const { model, size, images, precision, pass } = request;
  const options = { graph: buildGraph(model), height: size, width: size, loss: "l1", precision } as const;
  const target = { ...lab.target, tuning: new Map(Object.entries(tuning)) };
  const { permanentBytes, planAt } = plansFor(options, pass, target);
  const plan = planAt(images);
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
    parameterBytes: permanentBytes,
    notes: lab.matrices.flatMap(({ problem }) =>
      problem === null ? [] : [`A matrix unit is not used: ${problem}`],
    ),
    stepMs: null,
    matmulGflops: null,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** The report with medians over the rounds, one dispatch after the other. */
export function measuredReport(
  report: PlanReport,
  rounds: readonly (readonly DispatchTime[])[],
  stepMs: readonly number[],
  notes: readonly string[],
): PlanReport {
  let startMs = 0;
  // What ran, which is more than planned where a batch takes several passes.
  const nodes = (rounds[0] ?? []).map(({ label, kernel, variant, workgroups, flops, bytes }, index) => {
    const ms = median(rounds.map((times) => times[index]?.ms ?? 0));
    startMs += ms;
    return { label, kernel, variant, workgroups, flops, bytes, startMs: startMs - ms, ms };
  });
  return { ...report, nodes, stepMs: median(stepMs), notes: [...report.notes, ...notes] };
}
