import type { ExecutorOptions } from "@/engine/executor";
import { adam, gradientCheck } from "./kernels/adam";
import type { Target } from "./kernels/kernel";
import type { BindingTarget, PermanentName, PlannedDispatch } from "./plan";

/** Ranges begin at multiples of 256 bytes. */
const ALIGNMENT_BYTES = 256;

/**
 * The update of all parameters, in ranges that a kernel can bind: in mixed precision a check of every gradient for overflow
 * first, then Adam.
 */
export function planUpdate(
  floats: number,
  largestBindingBytes: number,
  { adam: settings, precision }: Pick<ExecutorOptions, "adam" | "precision">,
  target: Target,
): PlannedDispatch[] {
  const scaled = precision === "mixed";
  const small = (name: PermanentName): BindingTarget => ({ kind: "permanent", name, offset: 0, bytes: 16 });
  const most = (Math.floor(largestBindingBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES) / 4;
  const checks: PlannedDispatch[] = [];
  const updates: PlannedDispatch[] = [];
  for (let first = 0; first < floats; first += most) {
    const count = Math.min(most, floats - first);
    const range = (name: PermanentName): BindingTarget => ({
      kind: "permanent",
      name,
      offset: 4 * first,
      bytes: 4 * count,
    });
    checks.push({
      label: "overflow check",
      kernel: gradientCheck({ floats: count }, target),
      bindings: [range("gradients"), small("overflow")],
    });
    updates.push({
      label: "adam",
      kernel: adam({ floats: count, ...settings, scaled }, target),
      bindings: [
        range("gradients"),
        range("parameters"),
        range("firstMoments"),
        range("secondMoments"),
        small("adamStep"),
        ...(scaled ? [small("scaling"), small("overflow")] : []),
      ],
    });
  }
  return scaled ? [...checks, ...updates] : updates;
}
