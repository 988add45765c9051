import {
  type Code,
  f32x4,
  i32,
  i32x4,
  local,
  narrow,
  repeat,
  select,
  TYPE,
  v128,
  type WasmFunction,
} from "./encoding";

/** Floats that the kernels take at once: lengths are rounded up to it, and all memory has room for that. */
export const FLOATS_AT_ONCE = 8;

/** Bits of float32: 2⁻¹⁴, the least normal half; 2¹⁶, whose exponent is that of infinity in halves; infinity. */
const LEAST_NORMAL = 0x3880_0000;
const BEYOND = 0x4780_0000;
const INFINITE = 0x7f80_0000;
/** What moves the exponent of a half, in its float32 place, to that of float32: 127 − 15. */
const REBIAS = 112 << 23;
/** A float32 of exponent e + 13 has the step of a half of exponent e: adding one rounds to such steps, ties to even. */
const STEP_EXPONENTS = 13 << 23;

/**
 * Four float32 in `x` → four halves in 32-bit lanes, rounded to nearest, ties to even; from 65,520 on infinite. Leaves them on
 * the stack; `magnitude` and `power` are locals that it writes.
 */
function rounded(x: number, magnitude: number, power: number): Code {
  return [
    [local.get(x), v128.words(0x7fff_ffff), v128.and, local.tee(magnitude)],
    // Of what is no number one bit of the fraction stays.
    [v128.words(INFINITE), i32x4.greater, v128.words(0x0200), v128.and],
    [local.get(magnitude), v128.words(BEYOND), i32x4.minUnsigned, local.tee(magnitude)],
    // The power of two below it; subnormal halves have the steps of the least normal one.
    [v128.words(INFINITE), v128.and, v128.words(LEAST_NORMAL), i32x4.maxUnsigned, local.tee(power)],
    // Exponents in their place, less one, which the steps have: a normal half is 1,024 to 2,048 of them.
    [v128.words(LEAST_NORMAL), i32x4.subtract, i32x4.shiftRight(13)],
    [local.get(power), v128.words(STEP_EXPONENTS), i32x4.add, local.tee(power)],
    [local.get(magnitude), f32x4.add, local.get(power), i32x4.subtract],
    [i32x4.add, v128.or],
    [local.get(x), i32x4.shiftRight(16), v128.words(0x8000), v128.and, v128.or],
  ];
}

/** Four halves in the 32-bit lanes of `half` → four float32, exact, on the stack; `magnitude` is a local that it writes. */
export function widened(half: number, magnitude: number): Code {
  const get = local.get(magnitude);
  return [
    [local.get(half), v128.words(0x7fff), v128.and, local.set(magnitude)],
    [get, f32x4.fromWords, v128.floats(2 ** -24), f32x4.multiply],
    [get, i32x4.shiftLeft(13), v128.words(INFINITE), v128.or],
    [get, i32x4.shiftLeft(13), v128.words(REBIAS), i32x4.add],
    [get, v128.words(0x7bff), i32x4.greater, v128.select],
    [get, v128.words(0x0400), i32x4.less, v128.select],
    [local.get(half), v128.words(0x8000), v128.and, i32x4.shiftLeft(16), v128.or],
  ];
}

/** Counts `floats` down by those done; leaves 1 while there are more. */
export const moreOf = (floats: number): Code => [
  [local.get(floats), i32.constant(FLOATS_AT_ONCE), i32.subtract, local.tee(floats)],
  [i32.constant(0), i32.greater],
];

export const advance = (pointer: number, bytes: number): Code => [
  [local.get(pointer), i32.constant(bytes), i32.add, local.set(pointer)],
];

/** `largest(from, floats)`: the bits of the largest magnitude; NaN's are above infinity's, and those above all else. */
export const LARGEST: WasmFunction = (() => {
  const [from, floats, most] = [0, 1, 2];
  const lane = (index: number): Code => [local.get(most), i32x4.lane(index)];
  const [a, b] = [3, 4];
  const larger: Code = [
    [local.set(b), local.set(a), local.get(a), local.get(b)],
    [local.get(a), local.get(b), i32.greater, select],
  ];
  return {
    name: "largest",
    parameters: [TYPE.i32, TYPE.i32],
    results: [TYPE.i32],
    locals: [TYPE.v128, TYPE.i32, TYPE.i32],
    body: [
      repeat([
        [local.get(most)],
        [local.get(from), v128.load(0), v128.words(0x7fff_ffff), v128.and, i32x4.maxUnsigned],
        [local.get(from), v128.load(16), v128.words(0x7fff_ffff), v128.and, i32x4.maxUnsigned],
        [local.set(most), advance(from, 32), moreOf(floats)],
      ]),
      [lane(0), lane(1), larger, lane(2), larger, lane(3), larger],
    ],
  };
})();

/** `encode(from, to, floats, scale)`: halves of the floats times `scale`. */
export const ENCODE: WasmFunction = (() => {
  const [from, to, floats, scale, x, magnitude, power, scales] = [0, 1, 2, 3, 4, 5, 6, 7];
  const four = (offset: number): Code => [
    [local.get(from), v128.load(offset), local.get(scales), f32x4.multiply, local.set(x)],
    rounded(x, magnitude, power),
  ];
  return {
    name: "encode",
    parameters: [TYPE.i32, TYPE.i32, TYPE.i32, TYPE.f32],
    results: [],
    locals: [TYPE.v128, TYPE.v128, TYPE.v128, TYPE.v128],
    body: [
      [local.get(scale), f32x4.splat, local.set(scales)],
      repeat([
        [local.get(to), four(0), four(16), narrow, v128.store(0)],
        [advance(from, 32), advance(to, 16), moreOf(floats)],
      ]),
    ],
  };
})();

/** `decode(from, to, floats, unit)`: the floats of halves, times `unit`. */
export const DECODE: WasmFunction = (() => {
  const [from, to, floats, unit, half, magnitude, units, eight] = [0, 1, 2, 3, 4, 5, 6, 7];
  const four = (part: Code, offset: number): Code => [
    [local.get(eight), part, local.set(half)],
    [local.get(to), widened(half, magnitude), local.get(units), f32x4.multiply, v128.store(offset)],
  ];
  return {
    name: "decode",
    parameters: [TYPE.i32, TYPE.i32, TYPE.i32, TYPE.f32],
    results: [],
    locals: [TYPE.v128, TYPE.v128, TYPE.v128, TYPE.v128],
    body: [
      [local.get(unit), f32x4.splat, local.set(units)],
      repeat([
        [local.get(from), v128.load(0), local.set(eight)],
        [four(i32x4.fromLowHalves, 0), four(i32x4.fromHighHalves, 16)],
        [advance(from, 16), advance(to, 32), moreOf(floats)],
      ]),
    ],
  };
})();
