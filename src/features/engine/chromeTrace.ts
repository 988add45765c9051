import type { PlanReport } from "@/contracts/engineLab";
import { FAMILIES } from "./families";
import { type NodeRow, rowsOf } from "./nodes";

/** One event of the Trace Event Format (JSON), as far as it is used here. Times in µs. */
export type TraceEvent =
  | {
      readonly ph: "X";
      readonly name: string;
      readonly cat: string;
      readonly pid: number;
      readonly tid: number;
      readonly ts: number;
      readonly dur: number;
      readonly args: Readonly<Record<string, unknown>>;
    }
  | {
      readonly ph: "M";
      readonly name: "process_name" | "thread_name";
      readonly pid: number;
      readonly tid?: number;
      readonly args: { readonly name: string };
    };

export interface ChromeTrace {
  readonly displayTimeUnit: "ms";
  readonly traceEvents: readonly TraceEvent[];
  readonly otherData: Readonly<Record<string, unknown>>;
}

const PID = 1;
/** Whole nanoseconds: devices tell no more. */
const microseconds = (ms: number): number => Math.round(ms * 1e6) / 1e3;

/**
 * A measured plan for chrome://tracing or Perfetto: a complete event a dispatch, named by its stage. Viewers drop events of one
 * thread that overlap without being nested, so a dispatch that begins before the one ahead of it has ended goes to a
 * further thread. Dispatches without a time are left out.
 */
export function chromeTrace(report: PlanReport): ChromeTrace {
  const { request, adapter, features, nodes, ...totals } = report;
  const device = [adapter.vendor, adapter.description || adapter.device || adapter.architecture]
    .filter((part) => part !== "")
    .join(" ");
  /** When each thread is free again, in µs. */
  const freeAt: number[] = [];
  const events = timed(rowsOf(nodes)).map(({ row, startMs, ms }): TraceEvent => {
    const [ts, dur] = [microseconds(startMs), microseconds(ms)];
    const free = freeAt.findIndex((end) => end <= ts);
    const thread = free < 0 ? freeAt.length : free;
    freeAt[thread] = Math.round((ts + dur) * 1e3) / 1e3;
    return {
      ph: "X",
      name: row.label,
      cat: `${row.direction},${FAMILIES[row.family].label}`,
      pid: PID,
      tid: thread + 1,
      ts,
      dur,
      args: {
        kernel: row.kernel,
        variant: row.variant,
        workgroups: row.workgroups.join("×"),
        flops: row.flops,
        bytes: row.bytes,
        gflopPerSecond: row.gflops,
        gigabytesPerSecond: row.gigabytesPerSecond,
      },
    };
  });
  return {
    displayTimeUnit: "ms",
    traceEvents: [
      {
        ph: "M",
        name: "process_name",
        pid: PID,
        args: { name: `WGSL engine, ${device || "unnamed adapter"}` },
      },
      ...freeAt.map(
        (_, thread): TraceEvent => ({
          ph: "M",
          name: "thread_name",
          pid: PID,
          tid: thread + 1,
          args: { name: thread === 0 ? "dispatches" : `dispatches, overlapping ${thread}` },
        }),
      ),
      ...events,
    ],
    otherData: { request, adapter, features, ...totals },
  };
}

/** Dispatches with a known time, in order of their start. */
function timed(
  rows: readonly NodeRow[],
): { readonly row: NodeRow; readonly startMs: number; readonly ms: number }[] {
  return rows
    .flatMap((row) => {
      const { startMs, ms } = row;
      return startMs === null || ms === null ? [] : [{ row, startMs, ms }];
    })
    .toSorted((a, b) => a.startMs - b.startMs);
}
