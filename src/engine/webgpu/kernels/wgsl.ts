import { bytesOf, type FeatureAccess } from "./access";
import type { Access, Binding, Extent, SourceSpec } from "./kernel";

/** `count` lines made from their index: unrolled code. */
export function repeat(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join("\n");
}

/** Name, access and element type of a binding. */
export type Declared = readonly [name: string, access: Access, element: string];

/**
 * The head of a module: directives, bindings 0, 1, … of group 0 with their element types, and what access to features needs.
 * Returns both text and list.
 */
export function declare(
  entries: readonly Declared[],
  { enable, helpers }: Pick<FeatureAccess, "enable" | "helpers"> = { enable: "", helpers: "" },
): {
  readonly text: string;
  readonly bindings: readonly Binding[];
} {
  const text = entries.map(([name, access, element], index) => {
    if (access === "uniform") return `@group(0) @binding(${index}) var<uniform> ${name}: ${element};`;
    const mode = access === "read" ? "read" : "read_write";
    return `@group(0) @binding(${index}) var<storage, ${mode}> ${name}: array<${element}>;`;
  });
  return {
    text: `${enable}${text.join("\n")}\n${helpers}`,
    bindings: entries.map(([name, access, element]) => ({ name, access, element })),
  };
}

/** Blocks of four channels; the network's input counts as one. */
export function blocksOf(channels: number): number {
  return Math.ceil(channels / 4);
}

/** Element of a source's binding: the network's input is one float a pixel. */
export function elementOf(source: SourceSpec, access: FeatureAccess): string {
  return source.channels === 1 ? "f32" : access.read;
}

/** Type of a source's value in a kernel. */
export function valueType(source: SourceSpec): "f32" | "vec4f" {
  return source.channels === 1 ? "f32" : "vec4f";
}

/**
 * The on-load transform of a source's channel block `block` (a WGSL expression): `prepare` reads scale and shift once, `of`
 * turns a stored element into the value seen.
 */
export function onLoad(
  source: SourceSpec,
  block: string,
  access: FeatureAccess,
  suffix = "",
): { readonly prepare: string; readonly of: (element: string) => string } {
  const type = valueType(source);
  const loaded = (element: string): string => (source.channels === 1 ? element : access.load(element));
  const rectified = (value: string): string => (source.relu ? `max(${type}(), ${value})` : value);
  if (source.normOffset === null) return { prepare: "", of: (element) => rectified(loaded(element)) };
  const scale = `norms[${source.normOffset} + ${block}]`;
  const shift = `norms[${source.normOffset + blocksOf(source.channels)} + ${block}]`;
  return {
    prepare: `let scale${suffix} = ${scale}; let shift${suffix} = ${shift};`,
    of: (element) => rectified(`fma(${loaded(element)}, scale${suffix}, shift${suffix})`),
  };
}

export function pixelsOf({ images, height, width }: Extent): number {
  return images * height * width;
}

/** Bytes of a feature; the network's input of one channel is float32 whatever else is stored. */
export function featureBytes(extent: Extent, channels: number): number {
  return (channels === 1 ? 4 : bytesOf(extent.storage)) * channels * pixelsOf(extent);
}

export function sizeText({ images, height, width, storage }: Extent): string {
  return `${height}×${width}×${images}${storage === "f16" ? " f16" : ""}`;
}

/** What a thread of the kernels without subgroups makes, and the threads of a workgroup. */
export interface PixelTile {
  /** Neighbouring pixels of a row. */
  readonly pixels: number;
  /** Blocks of 4 channels; divides the blocks of the output. */
  readonly vectors: number;
  readonly threads: number;
}

/** Small, because software adapters compile large tiles slowly. */
export function pixelTile(blocks: number, width: number, software: boolean): PixelTile {
  return { pixels: Math.min(4, width), vectors: blocks % 2 === 0 ? 2 : 1, threads: software ? 8 : 64 };
}

/**
 * Stores a tile of registers a0_0 … (pixel, vector) in a loop that no compiler unrolls: software adapters turn every store into
 * a loop over lanes, and compile in a time quadratic in their number (40 s for 32 stores). `one` is the body for
 * `value`, pixel `p` and vector `k`.
 */
export function storeTile(output: string, pixels: number, vectors: number, one: string): string {
  const count = pixels * vectors;
  const values = repeat(vectors, (k) => repeat(pixels, (p) => `a${p}_${k},`));
  return `var values = array<vec4f, ${count}>(${values});
  // The bound depends on a buffer's length so that it is unknown when the kernel is compiled.
  for (var i = 0; i < min(${count}, i32(arrayLength(&${output}))); i++) {
    let p = i % ${pixels};
    let k = i / ${pixels};
    let value = values[i];
    ${one}
  }`;
}

/** Rows of partial sums that lie in parts: `rows` of each (the last may have fewer), whose starts are `strideFloats` apart. */
export interface RowParts {
  readonly rows: number;
  readonly strideFloats: number;
}

/** WGSL for where row `row` of `length` elements of `elementFloats` begins. */
export function rowStart(
  { parts }: { readonly parts?: RowParts },
  row: string,
  length: number,
  elementFloats: 1 | 4,
): string {
  if (!parts) return `${row} * ${length}`;
  const stride = parts.strideFloats / elementFloats;
  return `${row} / ${parts.rows} * ${stride} + ${row} % ${parts.rows} * ${length}`;
}
