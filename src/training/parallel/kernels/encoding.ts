// WebAssembly's binary format, as much of it as the kernels need (webassembly.github.io/spec/core/binary, and its SIMD part).

/** Instructions and what belongs to them; nested as is convenient to write. */
export type Code = number | readonly Code[];

export const TYPE = { i32: 0x7f, f64: 0x7c, f32: 0x7d, v128: 0x7b } as const;
export type ValueType = (typeof TYPE)[keyof typeof TYPE];

export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  /** Numbered on from the parameters. */
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest >= 0x80;
    bytes.push((rest % 0x80) + (more ? 0x80 : 0));
    rest = Math.floor(rest / 0x80);
  } while (rest > 0);
  return bytes;
}

export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
    bytes.push(done ? low : low | 0x80);
    if (done) return bytes;
  }
}

export const local = {
  get: (index: number): Code => [0x20, unsigned(index)],
  set: (index: number): Code => [0x21, unsigned(index)],
  tee: (index: number): Code => [0x22, unsigned(index)],
};

export const i32 = {
  constant: (value: number): Code => [0x41, signed(value)],
  greater: 0x4a,
  greaterUnsigned: 0x4b,
  add: 0x6a,
  subtract: 0x6b,
  shiftRight: 0x76,
} as const;

/** Runs `body` again while it leaves a number other than 0. */
export const repeat = (body: Code): Code => [0x03, 0x40, body, 0x0d, 0x00, 0x0b];
/** The first of two values where the third is not 0. */
export const select = 0x1b;

const vector = (opcode: number): readonly number[] => [0xfd, ...unsigned(opcode)];
const bytesOf = (numbers: Uint32Array | Float32Array): number[] => [...new Uint8Array(numbers.buffer)];

/** Vectors of 128 bits; names say what lanes they are taken as. */
export const v128 = {
  load: (offset: number): Code => [vector(0x00), 0x02, unsigned(offset)],
  /** 8 bytes into the low half. */
  loadHalf: (offset: number): Code => [vector(0x5d), 0x02, unsigned(offset)],
  store: (offset: number): Code => [vector(0x0b), 0x02, unsigned(offset)],
  /** The same number in all four lanes. */
  words: (value: number): Code => [vector(0x0c), bytesOf(new Uint32Array(4).fill(value))],
  floats: (value: number): Code => [vector(0x0c), bytesOf(new Float32Array(4).fill(value))],
  /** Low halves of two vectors. */
  lows: [vector(0x0d), 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23] as Code,
  /** High half of the first vector of two, to the low half. */
  high: [vector(0x0d), 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31] as Code,
  and: vector(0x4e),
  or: vector(0x50),
  /** Bits of the first where the third has ones, else of the second. */
  select: vector(0x52),
};

export const f32x4 = {
  splat: vector(0x13),

  add: vector(0xe4),
  multiply: vector(0xe6),
  fromWords: vector(0xfa),
  /** Two float64 to the low half, rounded to nearest, ties to even. */
  fromDoubles: vector(0x5e),
};

export const f64x2 = {
  splat: vector(0x14),
  fromLowFloats: vector(0x5f),
  add: vector(0xf0),
  multiply: vector(0xf2),
};

export const i32x4 = {
  lane: (index: number): Code => [vector(0x1b), index],
  less: vector(0x39),
  greater: vector(0x3b),
  add: vector(0xae),
  subtract: vector(0xb1),
  minUnsigned: vector(0xb7),
  maxUnsigned: vector(0xb9),
  shiftLeft: (bits: number): Code => [i32.constant(bits), vector(0xab)],
  shiftRight: (bits: number): Code => [i32.constant(bits), vector(0xad)],
  fromLowHalves: vector(0xa9),
  fromHighHalves: vector(0xaa),
};

/** Two vectors of 32-bit lanes below 2¹⁶ as one of 16-bit lanes. */
export const narrow = vector(0x86);

const flat = (code: Code): number[] => (typeof code === "number" ? [code] : code.flatMap(flat));
const text = (name: string): number[] => {
  const bytes = [...new TextEncoder().encode(name)];
  return [...unsigned(bytes.length), ...bytes];
};
const list = (items: readonly (readonly number[])[]): number[] => [
  ...unsigned(items.length),
  ...items.flat(),
];
const section = (id: number, content: readonly number[]): number[] => [
  id,
  ...unsigned(content.length),
  ...content,
];

const LARGEST_PAGES = 65_536;

/** A module with these functions, on an imported memory `lab.memory`. */
export function moduleOf(functions: readonly WasmFunction[], shared: boolean): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters, results }) => [
    0x60,
    ...list(parameters.map((type) => [type])),
    ...list(results.map((type) => [type])),
  ]);
  const limits = shared ? [0x03, 0, ...unsigned(LARGEST_PAGES)] : [0x00, 0];
  const memory = [...text("lab"), ...text("memory"), 0x02, ...limits];
  const bodies = functions.map(({ locals, body }) => {
    const code = [...list(locals.map((type) => [1, type])), ...flat(body), 0x0b];
    return [...unsigned(code.length), ...code];
  });
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, list(types)),
    ...section(2, list([memory])),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(7, list(functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]))),
    ...section(10, list(bodies)),
  ]);
}
