import type { Kernel } from "./kernel";
import { declare } from "./wgsl";

/** What the tuner runs beside the kernels that it times: inputs made on the device, and results compared there. */

const THREADS = 64;
/** Workgroups that walk over a buffer of any size. */
const GROUPS = 64;

/** Numbers that `difference` leaves for every thread. */
export const DIFFERENCE_FLOATS = 4 * THREADS * GROUPS;

/** How a buffer's words are read: a float, or two packed halves. */
export type Words = "floats" | "halves";

/**
 * Fills a whole buffer with numbers in (−1, 1), the same for equal seeds, by a hash of their place (PCG RXS-M-XS 32, O'Neill
 * 2014). Bindings: values (words, readWrite).
 */
export function noiseFill(words: Words, seed: number): Kernel {
  const { text, bindings } = declare([["values", "readWrite", "u32"]]);
  const word =
    words === "floats"
      ? "bitcast<u32>(unit(u32(i)))"
      : "pack2x16float(vec2f(unit(2u * u32(i)), unit(2u * u32(i) + 1u)))";
  const wgsl = `${text}
@group(0) @binding(1) var<uniform> constants: vec4i;
fn unit(place: u32) -> f32 {
  let state = (place ^ (u32(constants.x) * 2654435769u)) * 747796405u + 2891336453u;
  let mixed = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return f32(i32((mixed >> 22u) ^ mixed)) * 0x1p-31f;
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  for (var i = i32(id.x); i < i32(arrayLength(&values)); i += ${THREADS * GROUPS}) { values[i] = ${word}; }
}`;
  return {
    label: `noise ${words}`,
    wgsl,
    bindings,
    constants: Int32Array.of(seed, 0, 0, 0),
    workgroups: [GROUPS, 1, 1],
    flops: 0,
    bytes: 0,
  };
}

/**
 * Compares two results. Bindings: reference, result (words, read), differences (vec4f, readWrite): for every thread the largest
 * |result − reference|, the largest |reference|, and how many numbers are finite in one of them only.
 */
export function difference(words: Words): Kernel {
  const { text, bindings } = declare([
    ["reference", "read", "u32"],
    ["result", "read", "u32"],
    ["differences", "readWrite", "vec4f"],
  ]);
  const body =
    words === "floats"
      ? "look(bitcast<f32>(a), bitcast<f32>(b), isFinite(a, 0x7f800000u), isFinite(b, 0x7f800000u));"
      : `let before = unpack2x16float(a);
    let after = unpack2x16float(b);
    look(before.x, after.x, isFinite(a, 0x7c00u), isFinite(b, 0x7c00u));
    look(before.y, after.y, isFinite(a, 0x7c000000u), isFinite(b, 0x7c000000u));`;
  const wgsl = `${text}
var<private> seen = vec3f();
// By its bits: compilers may take for granted that no number is infinite or NaN.
fn isFinite(word: u32, exponent: u32) -> bool { return (word & exponent) != exponent; }
fn look(before: f32, after: f32, known: bool, found: bool) {
  if (known && found) { seen = vec3f(max(seen.x, abs(after - before)), max(seen.y, abs(before)), seen.z); }
  if (known != found) { seen.z += 1f; }
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  for (var i = i32(id.x); i < i32(arrayLength(&reference)); i += ${THREADS * GROUPS}) {
    let a = reference[i];
    let b = result[i];
    ${body}
  }
  differences[id.x] = vec4f(seen, 0f);
}`;
  return { label: `difference ${words}`, wgsl, bindings, workgroups: [GROUPS, 1, 1], flops: 0, bytes: 0 };
}
