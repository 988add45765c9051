import {
  type Code,
  f32x4,
  f64x2,
  i32,
  i32x4,
  local,
  repeat,
  TYPE,
  v128,
  type WasmFunction,
} from "./encoding";
import { moreOf, widened } from "./halves";

const range = (count: number, first: number): number[] => Array.from({ length: count }, (_, i) => first + i);

/**
 * `sum(from₀, …, to, floats, weight₀, …)`: to[i] = Σ weight·from[i] of `parts` arrays, in their order, in float64, rounded once.
 * `payload` f16: they are halves, and a weight holds the inverse of their scale; the sum is float32 in either case.
 */
export function sumOf(parts: number, payload: "f32" | "f16"): WasmFunction {
  const from = range(parts, 0);
  const to = parts;
  const floats = parts + 1;
  const weight = range(parts, parts + 2);
  /** Bytes done of the sum. */
  const done = 2 * parts + 2;
  const weights = range(parts, done + 1);
  const pairs = range(4, done + 1 + parts);
  const [eight, half, magnitude, four] = range(4, done + 5 + parts) as [number, number, number, number];
  const address = done + 9 + parts;

  /** Two doubles on the stack are added to a pair, or begin it. */
  const addTo = (pair: number, part: number): Code => [
    [local.get(weights[part] as number), f64x2.multiply],
    part === 0 ? [] : [local.get(pair), f64x2.add],
    local.set(pair),
  ];
  const floatsOf = (part: number): Code => [
    [local.get(from[part] as number), local.get(done), i32.add, local.set(address)],
    pairs.map((pair, index) => [
      [local.get(address), v128.loadHalf(8 * index), f64x2.fromLowFloats],
      addTo(pair, part),
    ]),
  ];
  const halvesOf = (part: number): Code => [
    // Halves take half the bytes.
    [local.get(from[part] as number), local.get(done), i32.constant(1), i32.shiftRight, i32.add],
    [v128.load(0), local.set(eight)],
    [i32x4.fromLowHalves, i32x4.fromHighHalves].map((which, side) => [
      [local.get(eight), which, local.set(half), widened(half, magnitude), local.set(four)],
      [local.get(four), f64x2.fromLowFloats, addTo(pairs[2 * side] as number, part)],
      [local.get(four), local.get(four), v128.high, f64x2.fromLowFloats],
      addTo(pairs[2 * side + 1] as number, part),
    ]),
  ];
  const rounded = (first: number): Code => [
    [local.get(pairs[first] as number), f32x4.fromDoubles],
    [local.get(pairs[first + 1] as number), f32x4.fromDoubles, v128.lows],
  ];
  return {
    name: "sum",
    parameters: [...from.map(() => TYPE.i32), TYPE.i32, TYPE.i32, ...weight.map(() => TYPE.f64)],
    results: [],
    locals: [TYPE.i32, ...range(parts + 8, 0).map(() => TYPE.v128), TYPE.i32],
    body: [
      weight.map((each, part) => [local.get(each), f64x2.splat, local.set(weights[part] as number)]),
      repeat([
        from.map((_, part) => (payload === "f16" ? halvesOf(part) : floatsOf(part))),
        [local.get(to), local.get(done), i32.add, local.tee(address), rounded(0), v128.store(0)],
        [local.get(address), rounded(2), v128.store(16)],
        [local.get(done), i32.constant(32), i32.add, local.set(done)],
        moreOf(floats),
      ]),
    ],
  };
}
