import { LabError } from "@/contracts/failure";
import type { Payload } from "../messages";
import { moduleOf } from "./encoding";
import { DECODE, ENCODE, LARGEST } from "./halves";
import { sumOf } from "./sums";

/**
 * The exchange's arithmetic in WebAssembly SIMD, on one memory. Places are byte offsets, multiples of 16; `floats` is rounded
 * up to a multiple of 8, for which there must be room.
 */
export interface ExchangeKernels {
  /** Bits of the largest magnitude: above 0x7f800000 where there is a NaN. */
  largest(from: number, floats: number): number;
  /** Halves of floats times `scale`, a power of two: to nearest, ties to even, infinite beyond 65,504. */
  encode(from: number, to: number, floats: number, scale: number): void;
  /** Floats of halves, times `unit`. */
  decode(from: number, to: number, floats: number, unit: number): void;
  /** Σ weight·part in the order of the parts, in float64, rounded once to float32. The parts are the payload's. */
  sum(parts: readonly number[], weights: readonly number[], to: number, floats: number): void;
}

type Exports = Readonly<Record<string, (...args: number[]) => number>>;

/** Throws `run/replicas` where the browser has no WebAssembly SIMD (all that have WebGPU do). */
export function exchangeKernels(
  memory: WebAssembly.Memory,
  shared: boolean,
  payload: Payload,
): ExchangeKernels {
  const exportsOf = (...functions: Parameters<typeof moduleOf>[0]): Exports => {
    try {
      const module = new WebAssembly.Module(moduleOf(functions, shared));
      return new WebAssembly.Instance(module, { lab: { memory } }).exports as Exports;
    } catch (error) {
      throw new LabError(
        "run/replicas",
        `Gradients cannot be averaged here: ${error instanceof Error ? error.message : String(error)}`,
        "Train with one replica (setup single), or in a browser with WebAssembly SIMD.",
      );
    }
  };
  const { largest, encode, decode } = exportsOf(LARGEST, ENCODE, DECODE) as Record<
    "largest" | "encode" | "decode",
    (...args: number[]) => number
  >;
  /** By the number of parts: when a replica goes there are fewer. */
  const sums = new Map<number, (...args: number[]) => number>();
  const sumFor = (parts: number) => {
    const sum = sums.get(parts) ?? (exportsOf(sumOf(parts, payload))["sum"] as (...args: number[]) => number);
    sums.set(parts, sum);
    return sum;
  };
  return {
    largest: (from, floats) => largest(from, floats) >>> 0,
    encode: (from, to, floats, scale) => void encode(from, to, floats, scale),
    decode: (from, to, floats, unit) => void decode(from, to, floats, unit),
    sum: (parts, weights, to, floats) => void sumFor(parts.length)(...parts, to, floats, ...weights),
  };
}
