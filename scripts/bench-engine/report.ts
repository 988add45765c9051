import type { DispatchTime } from "@/engine/webgpu/program";
import { type Contender, WARM_UP_RUNS } from "./alternate";
import { referenceOf } from "./judge";
import type { PytorchRun } from "./pytorch";
import { median, quantile, type Ratio, ratioOf } from "./statistics";
import type { Measured } from "./training";

/** Under which circumstances was measured. */
export interface Conditions {
  readonly commit: string;
  readonly cores: number;
  readonly processor: string;
  /** Load averages over a minute. */
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** By name: Chromium, tfjs, … */
  readonly versions: Readonly<Record<string, string>>;
}

export interface Beside {
  readonly before: PytorchRun;
  readonly after: PytorchRun;
}

export interface Report {
  /** What was timed, e.g. `U-Net width 16, 128², batch 4, one training step`. */
  readonly title: string;
  readonly measured: Measured;
  readonly conditions: Conditions;
  /** PyTorch before and after the rounds, or why it is absent; null where it was not asked for. */
  readonly pytorch: Beside | string | null;
}

/** A row of the table. */
interface Row {
  readonly name: string;
  readonly ms: readonly number[];
  readonly firstMs: number | null;
  readonly peak: string;
  readonly loss: string;
  /** Against the reference. */
  readonly ratio: Ratio | null;
}

const MIB = 2 ** 20;

function rowOf(contender: Contender, reference: Contender): Row {
  const { name, ms, firstMs, peakBytes, results } = contender;
  return {
    name,
    ms,
    firstMs,
    peak: peakBytes === null ? "not counted" : `${(peakBytes / MIB).toFixed(0)} MiB`,
    loss: results[1]?.toFixed(6) ?? "",
    ratio: ratioOf(ms, reference.ms),
  };
}

/** PyTorch ran before and after the rounds, not within them: the spread is that of the two. */
function pytorchRow({ before, after }: Beside, reference: Contender | undefined): Row {
  const each = [before, after].map(({ ms }) => median(ms) / median(reference?.ms ?? []));
  const ms = [...before.ms, ...after.ms];
  return {
    name: "pytorch",
    ms,
    firstMs: null,
    peak: after.peakBytes === null ? "not counted" : `${(after.peakBytes / MIB).toFixed(0)} MiB`,
    loss: "own data",
    ratio: {
      ratio: median(ms) / median(reference?.ms ?? []),
      least: quantile(each, 0),
      greatest: quantile(each, 1),
    },
  };
}

function table(lines: readonly (readonly string[])[]): string[] {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

const ratioText = ({ ratio, least, greatest }: Ratio): string =>
  `${ratio.toFixed(2)} (${least.toFixed(2)}–${greatest.toFixed(2)})`;

/** The report as text. */
export function reportText({ title, measured, conditions, pytorch }: Report): string {
  const { adapter, contenders, flops, matmul, dispatches } = measured;
  const { commit, cores, processor, loadBefore, loadAfter, versions } = conditions;
  const working = contenders.filter(({ failure }) => failure === null);
  const reference = referenceOf(contenders);
  const rows = reference ? working.map((contender) => rowOf(contender, reference)) : [];
  if (pytorch !== null && typeof pytorch !== "string") rows.push(pytorchRow(pytorch, reference));
  const trains = rows.some(({ loss }) => loss !== "");
  const against = reference?.name ?? "webgpu";
  const header = ["engine", "median ms", "p95", "min–max", "n", "first ms", "GFLOP/s", "of product", "peak"];
  const lines = rows.map(({ name, ms, firstMs, peak, loss, ratio }) => {
    const gflops = flops / median(ms) / 1e6;
    return [
      name,
      median(ms).toFixed(1),
      quantile(ms, 0.95).toFixed(1),
      `${quantile(ms, 0).toFixed(1)}–${quantile(ms, 1).toFixed(1)}`,
      String(ms.length),
      firstMs?.toFixed(0) ?? "–",
      gflops.toFixed(1),
      `${((100 * gflops) / matmul.gflops).toFixed(0)} %`,
      peak,
      ...(trains ? [loss] : []),
      ratio ? ratioText(ratio) : "",
    ];
  });
  const out = [
    title,
    `${(flops / 1e9).toFixed(2)} GFLOP a run; median over rounds in turn, after ${WARM_UP_RUNS} runs of warm-up; "first": made, compiled and run once`,
    `adapter: ${adapter}`,
    `machine: ${cores} cores, ${processor}; load average ${loadBefore.toFixed(1)} before, ${loadAfter.toFixed(1)} after; commit ${commit}`,
    `versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
    `best float32 matrix product here: ${matmul.gflops.toFixed(1)} GFLOP/s (${matmul.kernel})`,
    "",
    ...table([
      [...header, ...(trains ? ["loss after a step"] : []), `times ${against} (by round)`],
      ...lines,
    ]),
    ...contenders.flatMap(({ name, failure }) => (failure === null ? [] : [`${name}: ${failure}`])),
    ...(typeof pytorch === "string" ? [`pytorch: absent, ${pytorch}`] : []),
    ...(pytorch !== null && typeof pytorch !== "string" ? [`pytorch runs on: ${pytorch.after.device}`] : []),
    ...ratioTable(rows),
    ...dispatchText(dispatches),
  ];
  return `${out.join("\n")}\n`;
}

/** Each engine's median as a multiple of each other's. */
function ratioTable(rows: readonly Row[]): string[] {
  if (rows.length < 3) return [];
  const cells = rows.map(({ name, ms }) => [
    name,
    ...rows.map((other) => (median(ms) / median(other.ms)).toFixed(2)),
  ]);
  return ["", ...table([["takes this many times as long as", ...rows.map(({ name }) => name)], ...cells])];
}

/** Time on the device by kind of kernel, and the longest dispatches. */
function dispatchText(dispatches: readonly DispatchTime[]): string[] {
  if (dispatches.length === 0) return [];
  const families = new Map<string, { ms: number; flops: number; count: number }>();
  for (const { kernel, ms, flops } of dispatches) {
    const family = kernel.split(" ")[0] ?? kernel;
    const sum = families.get(family) ?? { ms: 0, flops: 0, count: 0 };
    families.set(family, { ms: sum.ms + ms, flops: sum.flops + flops, count: sum.count + 1 });
  }
  const line = (name: string, ms: number, flops: number): string =>
    `  ${ms.toFixed(2).padStart(9)} ms  ${(flops / ms / 1e6).toFixed(1).padStart(7)} GFLOP/s  ${name}`;
  const total = dispatches.reduce((sum, { ms }) => sum + ms, 0);
  return [
    "",
    `the lab's engine, ${dispatches.length} dispatches, ${total.toFixed(1)} ms on the device:`,
    ...[...families]
      .sort(([, a], [, b]) => b.ms - a.ms)
      .map(([family, { ms, flops, count }]) => line(`${family} ×${count}`, ms, flops)),
    ...[...dispatches]
      .sort((a, b) => b.ms - a.ms)
      .slice(0, 25)
      .map(({ label, kernel, ms, flops }) => line(`${label}: ${kernel}`, ms, flops)),
  ];
}
