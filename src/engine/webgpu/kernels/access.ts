import type { Extent, Storage, Target } from "./kernel";

/** The WGSL that reads and writes features in the way that they are stored. `vec4f` is what kernels compute with. */
export interface FeatureAccess {
  /** Directives for the top of the module: "" or a line. */
  readonly enable: string;
  /** Element of a binding that is only read. */
  readonly read: string;
  /** Element of a binding that is written. */
  readonly readWrite: string;
  /** Functions that the module needs. */
  readonly helpers: string;
  /** vec4f of an element of a `read` binding: `load("source[i]")`. */
  readonly load: (element: string) => string;
  /** vec4f of an element of a `readWrite` binding. */
  readonly loadOwn: (element: string) => string;
  /** Element of a `readWrite` binding from a vec4f. */
  readonly store: (value: string) => string;
  /** Element of a `read` binding that is read a number at a time. */
  readonly readOne: string;
  /** f32 number `index` of a binding of `readOne`. */
  readonly loadOne: (binding: string, index: string) => string;
}

const same = (expression: string): string => expression;

const FLOATS: FeatureAccess = {
  enable: "",
  read: "vec4f",
  readWrite: "vec4f",
  helpers: "",
  load: same,
  loadOwn: same,
  store: same,
  readOne: "f32",
  loadOne: (binding, index) => `${binding}[${index}]`,
};

/**
 * Four halves in two words. Beyond the range of halves `pack2x16float` may give any value; there all exponent bits are set
 * instead (NaN), on every driver, so that the check of the gradients finds an overflow. 0x477ff000 is 65,520, the
 * least float that rounds to infinity.
 */
const PACK = `fn packHalves(v: vec4f) -> vec2u {
  let over = select(vec4u(), vec4u(0x7c00u), (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) >= vec4u(0x477ff000u));
  let c = clamp(v, vec4f(-65504), vec4f(65504));
  return vec2u(pack2x16float(c.xy), pack2x16float(c.zw)) | (over.xz | (over.yw << vec2u(16u)));
}
fn unpackHalves(w: vec2u) -> vec4f { return vec4f(unpack2x16float(w.x), unpack2x16float(w.y)); }
fn oneHalf(w: u32, i: i32) -> f32 { return unpack2x16float(w >> (16u * u32(i & 1))).x; }`;

const HALVES: FeatureAccess = {
  enable: "",
  read: "vec2u",
  readWrite: "vec2u",
  helpers: PACK,
  load: (element) => `unpackHalves(${element})`,
  loadOwn: (element) => `unpackHalves(${element})`,
  store: (value) => `packHalves(${value})`,
  readOne: "u32",
  loadOne: (binding, index) => `oneHalf(${binding}[(${index}) >> 1u], ${index})`,
};

/** Reads by the device's own halves; writes stay packed, for the sake of what lies beyond their range. */
const NATIVE_HALVES: FeatureAccess = {
  ...HALVES,
  enable: "enable f16;\n",
  read: "vec4h",
  load: (element) => `vec4f(${element})`,
  readOne: "f16",
  loadOne: (binding, index) => `f32(${binding}[${index}])`,
};

export function featureAccess({ storage }: Pick<Extent, "storage">, target: Target): FeatureAccess {
  if (storage === "f32") return FLOATS;
  return target.shaderF16 ? NATIVE_HALVES : HALVES;
}

/** Bytes of one number of a feature. */
export function bytesOf(storage: Storage): number {
  return storage === "f32" ? 4 : 2;
}
