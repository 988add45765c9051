import type { Kernel } from "./kernel";
import { declare, repeat } from "./wgsl";

/**
 * Square matrix products C = Aᵀ·B in float32, row-major [size, size], several ways: what a device's speed is measured with
 * (`matmulProbe.ts`). A comes transposed because then both operands are read along their rows, whatever the kernel: no way
 * to lay them out is faster. `size` must be a multiple of `MATMUL_MULTIPLE`; it comes from a uniform, so that one text serves
 * all sizes.
 * Bindings: sizes (vec4i uniform: size, 0, 0, 0), a (read), b (read), c (vec4f, readWrite; written whole).
 */
export const MATMUL_MULTIPLE = 256;

/** Rows of C and vectors of four columns that a thread makes. */
export interface MatmulTile {
  /** A multiple of 4. */
  readonly rows: number;
  readonly vectors: number;
}

function kernelOf(
  name: string,
  size: number,
  wgsl: string,
  bindings: Kernel["bindings"],
  tile: readonly [rows: number, columns: number],
): Kernel {
  return {
    label: `matmul ${name} ${size}`,
    wgsl,
    bindings,
    workgroups: [size / tile[1], size / tile[0], 1],
    flops: 2 * size ** 3,
    bytes: 12 * size ** 2,
  };
}

function declareMatrices(b: "f32" | "vec4f"): ReturnType<typeof declare> {
  return declare([
    ["sizes", "uniform", "vec4i"],
    ["a", "read", "vec4f"],
    ["b", "read", b],
    ["c", "readWrite", "vec4f"],
  ]);
}

/** Declares the accumulators c0_0 … (row, vector). */
function accumulators({ rows, vectors }: MatmulTile): string {
  return repeat(rows, (r) => repeat(vectors, (v) => `var c${r}_${v} = vec4f();`));
}

/**
 * Stores them in a loop that no compiler unrolls (its bound comes from the uniform): software adapters compile unrolled stores in
 * a time quadratic in their number.
 */
function storeTile({ rows, vectors }: MatmulTile): string {
  const values = repeat(rows, (r) => repeat(vectors, (v) => `c${r}_${v},`));
  return `var values = array<vec4f, ${rows * vectors}>(${values});
  for (var i = 0; i < min(${rows * vectors}, size); i++) {
    c[((row + i / ${vectors}) * size + column) / 4 + i % ${vectors}] = values[i];
  }`;
}

/** Threads of a workgroup along the columns and along the rows of C. */
export type MatmulThreads = readonly [columns: number, rows: number];

/** Steps of the inner dimension unrolled in a loop. */
const UNROLLED = 4;

/** One step of the inner dimension: `a` and `b` give WGSL for four rows of A and four columns of B. */
function outerProduct(
  { rows, vectors }: MatmulTile,
  a: (block: number) => string,
  b: (vector: number) => string,
): string {
  return `{
    ${repeat(rows / 4, (r) => `let a${r} = ${a(r)};`)}
    ${repeat(vectors, (v) => `let b${v} = ${b(v)};`)}
    ${repeat(rows, (r) =>
      repeat(vectors, (v) => `c${r}_${v} = fma(vec4f(a${r >> 2}[${r & 3}]), b${v}, c${r}_${v});`),
    )}
  }`;
}

/**
 * Each thread reads its rows and columns straight from memory; caches and the neighbours in the workgroup make up for what is
 * read more than once.
 */
export function registerMatmul(size: number, tile: MatmulTile, threads: MatmulThreads): Kernel {
  const { rows, vectors } = tile;
  const { text, bindings } = declareMatrices("vec4f");
  const wgsl = `${text}
@compute @workgroup_size(${threads[0]}, ${threads[1]})
fn main(@builtin(global_invocation_id) thread: vec3u) {
  let size = sizes.x;
  let row = i32(thread.y) * ${rows};
  let column = i32(thread.x) * ${4 * vectors};
  ${accumulators(tile)}
  for (var k = 0; k < size; k += ${UNROLLED}) {
    ${repeat(UNROLLED, (i) =>
      outerProduct(
        tile,
        (r) => `a[((k + ${i}) * size + row) / 4 + ${r}]`,
        (v) => `b[((k + ${i}) * size + column) / 4 + ${v}]`,
      ),
    )}
  }
  ${storeTile(tile)}
}`;
  const name = `${rows}×${4 * vectors} registers, ${threads.join("×")} threads`;
  return kernelOf(name, size, wgsl, bindings, [rows * threads[1], 4 * vectors * threads[0]]);
}

/**
 * A workgroup brings `depth` rows of A and B at a time, as far as they concern its tile, into its own memory. They must be a
 * multiple of its threads in vectors of four, each.
 */
export function workgroupMatmul(
  size: number,
  tile: MatmulTile,
  threads: MatmulThreads,
  depth: number,
): Kernel {
  const { rows, vectors } = tile;
  const count = threads[0] * threads[1];
  const high = (rows * threads[1]) / 4;
  const wide = vectors * threads[0];
  const { text, bindings } = declareMatrices("vec4f");
  const bring = (strip: string, from: string, length: number, start: string): string =>
    repeat(
      (length * depth) / count,
      (i) => `{ let at = i32(index) + ${i * count};
      ${strip}[at] = ${from}[(k + at / ${length}) * size / 4 + ${start} + at % ${length}]; }`,
    );
  const wgsl = `${text}
var<workgroup> stripA: array<vec4f, ${high * depth}>;
var<workgroup> stripB: array<vec4f, ${wide * depth}>;
@compute @workgroup_size(${threads[0]}, ${threads[1]})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let size = sizes.x;
  let top = i32(group.y) * ${high};
  let left = i32(group.x) * ${wide};
  let inA = i32(local.y) * ${rows / 4};
  let inB = i32(local.x) * ${vectors};
  let row = 4 * (top + inA);
  let column = 4 * (left + inB);
  ${accumulators(tile)}
  for (var k = 0; k < size; k += ${depth}) {
    ${bring("stripA", "a", high, "top")}
    ${bring("stripB", "b", wide, "left")}
    workgroupBarrier();
    for (var i = 0; i < ${depth}; i++) ${outerProduct(
      tile,
      (r) => `stripA[i * ${high} + inA + ${r}]`,
      (v) => `stripB[i * ${wide} + inB + ${v}]`,
    )}
    workgroupBarrier();
  }
  ${storeTile(tile)}
}`;
  const name = `${rows}×${4 * vectors} workgroup memory, ${threads.join("×")} threads, depth ${depth}`;
  return kernelOf(name, size, wgsl, bindings, [4 * high, 4 * wide]);
}

/**
 * For processors posing as GPUs (see `laneConv` for what is dear there): each lane of a subgroup has rows of its own, loads one
 * number of B for all, and a broadcast hands them round. `lanes` must divide 4·`vectors`.
 */
export function laneMatmul(size: number, { rows, vectors }: MatmulTile, lanes: number): Kernel {
  const columns = 4 * vectors;
  const { text, bindings } = declareMatrices("f32");
  const wgsl = `enable subgroups;
${text}
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) invocation: u32) {
  let size = sizes.x;
  let lane = i32(invocation);
  let row = (i32(group.y) * ${lanes} + lane) * ${rows};
  let column = i32(group.x) * ${columns};
  ${repeat(rows, (r) => repeat(columns, (o) => `var s${r}_${o} = 0.0;`))}
  for (var k = 0; k < size; k += ${UNROLLED}) {
    ${repeat(
      UNROLLED,
      (i) => `{
      ${repeat(rows / 4, (r) => `let a${r} = a[((k + ${i}) * size + row) / 4 + ${r}];`)}
      ${repeat(columns / lanes, (part) => `let b${part} = b[(k + ${i}) * size + column + ${part * lanes} + lane];`)}
      ${repeat(
        columns,
        (o) => `{ let value = subgroupBroadcast(b${Math.floor(o / lanes)}, ${o % lanes}u);
        ${repeat(rows, (r) => `s${r}_${o} = fma(a${r >> 2}[${r & 3}], value, s${r}_${o});`)} }`,
      )}
    }`,
    )}
  }
  ${repeat(rows, (r) =>
    repeat(
      vectors,
      (v) => `let c${r}_${v} = vec4f(${[0, 1, 2, 3].map((q) => `s${r}_${4 * v + q}`).join()});`,
    ),
  )}
  ${storeTile({ rows, vectors })}
}`;
  const name = `${rows}×${columns} registers, ${lanes} lanes that broadcast`;
  return kernelOf(name, size, wgsl, bindings, [rows * lanes, columns]);
}
