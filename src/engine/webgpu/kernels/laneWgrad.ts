import type { Binding, ConvWgradSpec } from "./kernel";
import { blocksOf, declare, repeat } from "./wgsl";

/** Workgroups that keep every core of a processor busy to the end. */
const WORKGROUPS = 16;

/** Vectors of output channels that a thread holds: 36 accumulators each. */
const GRADIENTS = 2;

/**
 * ∂weight of a 3×3 convolution for processors posing as GPUs; see `laneConv` for what is dear there.
 *
 * Tile: a workgroup is one subgroup whose lanes are output channels; a thread holds the 9 taps × 4 channels of a block of the
 * source for one or two of them (36 or 72 accumulators) and walks over its rows two pixels at a time. Per pair it loads the gradient
 * of both pixels and, for each of three rows, 8 floats (two pixels × 4 channels), one a lane, that a broadcast hands to all: 5 to 7
 * loads for 72 to 144 multiply-adds. Needs 8 lanes.
 */
export function laneWgrad(spec: ConvWgradSpec): {
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly constants: Int32Array<ArrayBuffer>;
  readonly workgroups: readonly [number, number, number];
  readonly splits: number;
  readonly partialFloats: number;
} {
  const { images, height, width, source, outChannels } = spec;
  const vectors = outChannels % (8 * GRADIENTS) === 0 ? GRADIENTS : 1;
  const narrow = outChannels % 8 !== 0;
  const inBlocks = blocksOf(source.channels);
  const outBlocks = blocksOf(outChannels);
  const groups = Math.ceil(outChannels / (8 * vectors));
  const rows = images * height;
  const rowsPerSplit = Math.ceil(rows / Math.min(rows, Math.ceil(WORKGROUPS / (inBlocks * groups))));
  const splits = Math.ceil(rows / rowsPerSplit);
  const weightFloats = 9 * source.channels * outChannels;
  const partialFloats = weightFloats + (spec.bias ? outChannels : 0);
  const count = 36 * vectors;
  const { text, bindings } = declare([
    ...(source.normOffset !== null ? [["norms", "read", "f32"] as const] : []),
    ["source", "read", "f32"],
    ["gradient", "read", "f32"],
    ["partials", "readWrite", "f32"],
  ]);
  const constants = Int32Array.from([
    ...[height, width, rows, rowsPerSplit],
    ...[inBlocks, outBlocks, partialFloats, count],
    ...[source.channels, outChannels, weightFloats, 4 * (source.normOffset ?? 0)],
  ]);
  const seen = (stored: string): string => {
    const moved = source.normOffset === null ? stored : `fma(${stored}, scale, shift)`;
    return source.relu ? `max(0f, ${moved})` : moved;
  };
  const a = (tap: number, channel: number, k: number): string => `a${(tap * 4 + channel) * vectors + k}`;
  const gradientAt = (k: number, pixel: number): string =>
    `select(0f, gradient[start + (x + ${pixel}) * 4 + ${2 * k} * plane * 4], x + ${pixel} < size.y)`;
  const taps = (dy: number): string =>
    repeat(4, (channel) => {
      const seenBy = (pixel: number): string => `s${pixel}_${channel}`;
      return `{
        let ${seenBy(0)} = subgroupBroadcast(before${dy}, ${channel}u); let ${seenBy(1)} = subgroupBroadcast(before${dy}, ${channel + 4}u);
        let ${seenBy(2)} = subgroupBroadcast(next, ${channel}u); let ${seenBy(3)} = subgroupBroadcast(next, ${channel + 4}u);
        ${repeat(vectors, (k) =>
          repeat(3, (dx) => {
            const at = a(dy * 3 + dx, channel, k);
            return `${at} = fma(${seenBy(dx)}, g0_${k}, ${at}); ${at} = fma(${seenBy(dx + 1)}, g1_${k}, ${at});`;
          }),
        )}
      }`;
    });
  const wgsl = `enable subgroups;
${text}
@group(0) @binding(${bindings.length}) var<uniform> constants: array<vec4i, 3>;
@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) invocation: u32) {
  let lane = i32(invocation);
  let half = lane >> 2;
  let size = constants[0];
  let counts = constants[1];
  let places = constants[2];
  let plane = size.x * size.y;
  let inBlock = i32(group.x);
  let outBlock = i32(group.y) * ${2 * vectors};
  let split = i32(group.z);
  ${
    source.normOffset === null
      ? ""
      : `let scale = norms[places.w + inBlock * 4 + (lane & 3)];
  let shift = norms[places.w + places.x + inBlock * 4 + (lane & 3)];`
  }
  ${repeat(count, (i) => `var a${i} = 0f;`)}
  ${repeat(vectors, (k) => `var sum${k} = 0f;`)}
  for (var row = split * size.w; row < min((split + 1) * size.w, size.z); row++) {
    let image = row / size.x;
    let y = row % size.x;
    let start = ((image * counts.y + outBlock + half) * plane + y * size.y) * 4 + (lane & 3);
    ${repeat(
      3,
      (dy) => `let inRow${dy} = y + ${dy} >= 1 && y + ${dy} <= size.x;
    let base${dy} = ((image * counts.x + inBlock) * plane + clamp(y + ${dy - 1}, 0, size.x - 1) * size.y) * 4 + lane;
    // Pixels −1 and 0.
    var before${dy} = select(0f, ${seen(`source[max(0, base${dy} - 4)]`)}, inRow${dy} && half == 1);`,
    )}
    for (var x = 0; x < size.y; x += 2) {
      ${repeat(vectors, (k) => `let g0_${k} = ${gradientAt(k, 0)}; let g1_${k} = ${gradientAt(k, 1)}; ${spec.bias ? `sum${k} += g0_${k} + g1_${k};` : ""}`)}
      ${repeat(
        3,
        (dy) => `{
        // Pixels x + 1 and x + 2.
        let next = select(0f, ${seen(`source[base${dy} + (x + 1) * 4]`)}, inRow${dy} && x + 1 + half < size.y);
        ${taps(dy)}
        before${dy} = next;
      }`,
      )}
    }
  }
  let to = split * counts.z + outBlock * 4 + lane;
  ${narrow ? "if (outBlock * 4 + lane >= places.y) { return; }" : ""}
  ${spec.bias ? `if (inBlock == 0) { ${repeat(vectors, (k) => `partials[to + places.z + ${8 * k}] = sum${k};`)} }` : ""}
  var values = array<f32, ${count}>(${Array.from({ length: count }, (_, i) => `a${i}`).join()});
  // The bound comes from the uniform so that no compiler unrolls the loop: unrolled stores are slow to compile.
  for (var i = 0; i < counts.w; i++) {
    let tap = i / ${4 * vectors};
    let channel = (i / ${vectors}) % 4;
    partials[to + (tap * places.x + inBlock * 4 + channel) * places.y + (i % ${vectors}) * 8] = values[i];
  }
}`;
  return { wgsl, bindings, constants, workgroups: [inBlocks, groups, splits], splits, partialFloats };
}
