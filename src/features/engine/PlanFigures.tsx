import type { PlanReport } from "@/contracts/engineLab";
import {
  formatBytes,
  formatCount,
  formatFixed,
  formatFlops,
  formatMs,
  formatPercent,
  formatShort,
} from "@/ui/format";
import { Stat, StatRow } from "@/ui/Stat";
import { directionOf } from "./families";

/** A plan in figures; what only a measurement tells is "–" until then. */
export function PlanFigures({ report }: { readonly report: PlanReport }) {
  const { nodes, flops, bytesMoved, tensorBytes, parameterBytes, stepMs, matmulGflops, request } = report;
  const backward = nodes.filter(({ label }) => directionOf(label) === "backward").length;
  const times = nodes.flatMap(({ ms }) => (ms === null ? [] : [ms]));
  const deviceMs = times.length > 0 ? times.reduce((sum, ms) => sum + ms, 0) : null;
  const pass = request.pass === "training" ? "step" : "pass";
  const gflops = stepMs === null ? null : flops / stepMs / 1e6;
  return (
    <StatRow>
      <Stat
        label="Dispatches"
        value={formatCount(nodes.length)}
        note={backward > 0 ? `${nodes.length - backward} forward, ${backward} backward` : "forward"}
      />
      <Stat label="Arithmetic" value={formatFlops(flops)} note={`useful, a ${pass}`} />
      <Stat
        label="Traffic"
        value={formatBytes(bytesMoved)}
        note={`at least; ${formatShort(flops / bytesMoved)} FLOP a byte`}
      />
      <Stat
        label="Memory"
        value={formatBytes(tensorBytes + parameterBytes)}
        note={`${formatBytes(tensorBytes)} tensors, ${formatBytes(parameterBytes)} parameters`}
      />
      <Stat
        label={request.pass === "training" ? "Step" : "Pass"}
        value={formatMs(stepMs)}
        note={
          stepMs === null
            ? "not measured yet"
            : `${formatFixed((1000 * request.images) / stepMs, 1)} images/s`
        }
      />
      <Stat
        label="On the device"
        value={formatMs(deviceMs)}
        note={deviceMs === null ? "not measured yet" : "dispatches one by one"}
      />
      <Stat label="Achieved" value={gflops === null ? "–" : `${formatShort(gflops)} GFLOP/s`} />
      <Stat
        label="Of the best matrix product"
        value={gflops === null || matmulGflops === null ? "–" : formatPercent(gflops / matmulGflops)}
        note={matmulGflops === null ? "not measured yet" : `${formatShort(matmulGflops)} GFLOP/s`}
      />
    </StatRow>
  );
}
