import type { Build, Kernel, Target } from "./kernel";
import { declare } from "./wgsl";

/** Where partial sums of a weight gradient go. */
export interface SumSplitsSpec {
  readonly splits: number;
  /** Length of one split, with the bias sums at its end. */
  readonly partialFloats: number;
  readonly taps: number;
  /** Channels of the source: rows [firstChannel, firstChannel + channels) of each tap's `inChannels`. */
  readonly channels: number;
  readonly firstChannel: number;
  readonly inChannels: number;
  /** Length of a row of the weight, in floats; a multiple of 4. */
  readonly rowFloats: number;
  readonly bias: boolean;
  /** Adds to the gradient instead of replacing it: the batch is computed in parts. */
  readonly accumulate: boolean;
}

/** Threads that share the rows of a column in a workgroup of 64. */
const SHARERS = 8;

/** A workgroup of 8 columns × 8 sharers, or of 64 columns where there is little to share. */
export function sharing(
  rows: number,
  target: Target,
): { readonly columns: number; readonly sharers: number } {
  if (target.software) return { columns: 64, sharers: 1 };
  return rows > 2 * SHARERS ? { columns: 64 / SHARERS, sharers: SHARERS } : { columns: 64, sharers: 1 };
}

/**
 * Second pass of a weight gradient: adds the splits, always in the same order, and writes the rows of one source into the
 * whole gradient. Bindings: partials (vec4f, read), weightGradient (vec4f, readWrite), [biasGradient (vec4f, readWrite)].
 *
 * Tile: a thread makes one vec4 of the result; where there are many splits and a GPU, eight threads share its column and
 * meet in workgroup memory.
 */
export const sumSplits: Build<SumSplitsSpec> = (spec, target): Kernel => {
  const { splits, partialFloats, taps, channels, firstChannel, inChannels, rowFloats } = spec;
  const put = spec.accumulate ? "+=" : "=";
  const width = partialFloats / 4;
  const row = rowFloats / 4;
  const { columns, sharers } = sharing(splits, target);
  const { text, bindings } = declare([
    ["partials", "read", "vec4f"],
    ["weightGradient", "readWrite", "vec4f"],
    ...(spec.bias ? [["biasGradient", "readWrite", "vec4f"] as const] : []),
  ]);
  const wgsl = `${text}
${sharers > 1 ? `var<workgroup> shared_sums: array<vec4f, ${columns * sharers}>;` : ""}
@compute @workgroup_size(${columns * sharers})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let column = i32(group.x) * ${columns} + i32(local) % ${columns};
  let sharer = i32(local) / ${columns};
  var sum = vec4f();
  if (column < ${width}) {
    for (var r = sharer; r < ${splits}; r += ${sharers}) { sum += partials[r * ${width} + column]; }
  }
  ${
    sharers > 1
      ? `shared_sums[local] = sum;
  workgroupBarrier();
  if (sharer != 0) { return; }
  for (var s = 1u; s < ${sharers}; s++) { sum += shared_sums[local + s * ${columns}]; }`
      : ""
  }
  if (column >= ${width}) { return; }
  ${spec.bias ? `if (column >= ${taps * channels * row}) { biasGradient[column - ${taps * channels * row}] ${put} sum; return; }` : ""}
  let tap = column / ${channels * row};
  weightGradient[column + tap * ${(inChannels - channels) * row} + ${firstChannel * row}] ${put} sum;
}`;
  return {
    label: `sumSplits ${taps}×${channels}/${inChannels}×${rowFloats} ×${splits}${spec.accumulate ? " add" : ""}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(width / columns), 1, 1],
    flops: splits * partialFloats,
    bytes: 4 * partialFloats * (splits + 1),
  };
};
