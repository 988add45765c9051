import { NO_LPIPS_WEIGHTS } from "@/contracts/lpips";
import type { MeanInterval, RunResult } from "@/contracts/training";

/** Pieces that every report shares. */

const LPIPS_DIGITS = 4;

export type Cell = string | number;

export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string =>
    `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|").replace(/\s+/g, " ")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "–";
}

export function withInterval({ mean, ci95 }: { mean: number; ci95: number | null }, digits: number): string {
  return ci95 !== null && Number.isFinite(ci95)
    ? `${fixed(mean, digits)} ± ${fixed(ci95, digits)}`
    : fixed(mean, digits);
}

/** A cell of a further metric, which an image may be too small for and an earlier version did not measure. */
export function further(value: MeanInterval | null | undefined, digits: number): string {
  return value ? withInterval(value, digits) : "–";
}

/** A cell of the column LPIPS: the value, or why there is none. */
export function perceptual(
  value: MeanInterval | null | undefined,
  { lpips }: Pick<NonNullable<RunResult["test"]>, "lpips">,
): string {
  if (value) return withInterval(value, LPIPS_DIGITS);
  return lpips && !lpips.ok && lpips.failure.code === NO_LPIPS_WEIGHTS.code ? "no weights" : "not measured";
}

const ON_PROCESSOR = /^(tfjs-wasm|tfjs-cpu|reference|pytorch-cpu)$/;

export function deviceName(engine: string, adapter: RunResult["environment"]["adapter"]): string {
  const name = adapter && (adapter.description || adapter.device || adapter.vendor || adapter.architecture);
  const software = adapter?.isFallbackAdapter ? " (software adapter, no GPU)" : "";
  if (ON_PROCESSOR.test(engine)) return name ? `CPU; the adapter ${name}${software} was not used` : "CPU";
  return name ? `${name}${software}` : "unknown adapter";
}

/** Where a result was computed, and on how many cores. */
export function deviceOf({ engine, environment }: RunResult): string {
  return `${deviceName(engine.name, environment.adapter)}, ${environment.cores} CPU cores`;
}

/** With its sign, plus included. */
export function signed(value: number, digits: number): string {
  return `${value < 0 ? "−" : "+"}${fixed(Math.abs(value), digits)}`;
}
