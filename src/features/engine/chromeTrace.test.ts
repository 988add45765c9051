import { describe, expect, it } from "vitest";
import type { PlanNode, PlanReport } from "@/contracts/engineLab";
import { chromeTrace, type TraceEvent } from "./chromeTrace";

const node = (label: string, startMs: number | null, ms: number | null): PlanNode => ({
  label,
  kernel: "convWgrad 8→8 64×64×4",
  variant: "lane",
  workgroups: [4, 2, 1],
  flops: 3e6,
  bytes: 1e6,
  startMs,
  ms,
});

const report = (nodes: readonly PlanNode[]): PlanReport => ({
  request: {
    model: { name: "unet", width: 8, norm: "last" },
    size: 64,
    images: 4,
    precision: "f32",
    pass: "training",
  },
  adapter: {
    vendor: "google",
    architecture: "swiftshader",
    device: "",
    description: "",
    isFallbackAdapter: true,
  },
  features: ["timestamp-query"],
  nodes,
  flops: 9,
  bytesMoved: 3,
  tensorBytes: 1,
  parameterBytes: 1,
  notes: [],
  stepMs: 4,
  matmulGflops: 12,
});

const slices = (nodes: readonly PlanNode[]) =>
  chromeTrace(report(nodes)).traceEvents.filter(
    (event): event is Extract<TraceEvent, { ph: "X" }> => event.ph === "X",
  );

describe("chromeTrace", () => {
  it("writes microseconds, and what a dispatch computed and moved", () => {
    expect(slices([node("conv1.2 wgrad", 1.5, 0.25)])).toEqual([
      {
        ph: "X",
        name: "conv1.2 wgrad",
        cat: "backward,Convolution wgrad",
        pid: 1,
        tid: 1,
        ts: 1500,
        dur: 250,
        args: {
          kernel: "convWgrad 8→8 64×64×4",
          variant: "lane",
          workgroups: "4×2×1",
          flops: 3e6,
          bytes: 1e6,
          gflopPerSecond: 12,
          gigabytesPerSecond: 4,
        },
      },
    ]);
  });

  it("names the process by the adapter and each thread", () => {
    const { traceEvents, otherData } = chromeTrace(report([node("a", 0, 2), node("b", 1, 2)]));
    const names = traceEvents.flatMap((event) => (event.ph === "M" ? [[event.name, event.args.name]] : []));
    expect(names).toEqual([
      ["process_name", "WGSL engine, google swiftshader"],
      ["thread_name", "dispatches"],
      ["thread_name", "dispatches, overlapping 1"],
    ]);
    expect(otherData).toMatchObject({ stepMs: 4, matmulGflops: 12, request: { size: 64 } });
  });

  it("never overlaps two events of a thread: viewers drop them", () => {
    const events = slices([node("a", 0, 2), node("b", 1, 2), node("c", 2, 0.5), node("d", 2.2, 1)]);
    expect(events.map(({ name, tid }) => [name, tid])).toEqual([
      ["a", 1],
      ["b", 2],
      ["c", 1],
      ["d", 3],
    ]);
  });

  it("keeps neighbours that touch on one thread, in spite of binary fractions", () => {
    // 0.1 + 0.2 > 0.3 in floating point.
    expect(slices([node("a", 0.1, 0.2), node("b", 0.3, 0.1)]).map(({ tid }) => tid)).toEqual([1, 1]);
  });

  it("orders events by start and leaves out what was not timed", () => {
    expect(
      slices([node("late", 5, 1), node("never", null, null), node("early", 1, 1)]).map(({ name }) => name),
    ).toEqual(["early", "late"]);
  });

  it("is JSON", () => {
    const trace = chromeTrace(report([node("a", 0, 1)]));
    expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  });
});
