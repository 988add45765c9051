import { featureAccess } from "./access";
import type { Binding, ConvWgradSpec, Target } from "./kernel";
import { blocksOf, declare, repeat } from "./wgsl";

/** Workgroups that keep every core of a processor busy to the end. */
const WORKGROUPS = 16;

/** Lanes of a subgroup (8 or 4), and vectors of output channels that a thread holds: 36 accumulators each. */
export interface WgradTile {
  readonly lanes: number;
  readonly vectors: number;
}

/**
 * Up to 8 lanes × 2 or 4 lanes × 4 vectors. With 8 lanes four vectors are up to 8 % faster where there are enough blocks for
 * both, and slower at 256 channels; two keep the number of texts to compile small.
 */
export function wgradTile(outChannels: number, lanes: number): WgradTile {
  const most = lanes === 8 ? 2 : 4;
  return {
    lanes,
    vectors: [4, 2, 1].find((count) => count <= most && outChannels % (lanes * count) === 0) ?? 1,
  };
}

/**
 * ∂weight of a 3×3 convolution for processors posing as GPUs; see `laneConv` for what is dear there.
 *
 * Tile: a workgroup is one subgroup whose lanes are output channels; a thread holds the 9 taps × 4 channels of a block of the
 * source for one or two of them (36 or 72 accumulators) and walks over its rows lanes/4 pixels at a time. Per step it loads the gradient of
 * these pixels and, for each of three rows, as many pixels × 4 channels, one number a lane, that a broadcast hands to all: with 8
 * lanes 5 to 7 loads for 72 to 144 multiply-adds.
 */
export function laneWgrad(
  spec: ConvWgradSpec,
  target: Target,
  { lanes, vectors }: WgradTile,
): {
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly constants: Int32Array<ArrayBuffer>;
  readonly workgroups: readonly [number, number, number];
  readonly splits: number;
  readonly partialFloats: number;
} {
  const { images, height, width, source, outChannels } = spec;
  const access = featureAccess(spec, target);
  const narrow = outChannels % lanes !== 0;
  /** Pixels of a step: as many as a subgroup loads at 4 channels each. */
  const pixels = lanes / 4;
  const inBlocks = blocksOf(source.channels);
  const outBlocks = blocksOf(outChannels);
  const groups = Math.ceil(outChannels / (lanes * vectors));
  const rows = images * height;
  const rowsPerSplit = Math.ceil(rows / Math.min(rows, Math.ceil(WORKGROUPS / (inBlocks * groups))));
  const splits = Math.ceil(rows / rowsPerSplit);
  const weightFloats = 9 * source.channels * outChannels;
  const partialFloats = weightFloats + (spec.bias ? outChannels : 0);
  const count = 36 * vectors;
  const { text, bindings } = declare(
    [
      ...(source.normOffset !== null ? [["norms", "read", "f32"] as const] : []),
      ["source", "read", access.readOne],
      ["gradient", "read", access.readOne],
      ["partials", "readWrite", "f32"],
    ],
    access,
  );
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
    `select(0f, ${access.loadOne("gradient", `start + (x + ${pixel}) * 4 + ${pixels * k} * plane * 4`)}, x + ${pixel} < size.y)`;
  /** Pixel x − 1 + `offset` in channel `channel`, from the vectors at hand. */
  const seenAt = (dy: number, offset: number, channel: number): string => {
    const vector = Math.floor(offset / pixels);
    const name = vector === 2 / pixels ? "next" : `before${dy}_${vector}`;
    return `subgroupBroadcast(${name}, ${(offset % pixels) * 4 + channel}u)`;
  };
  const taps = (dy: number): string =>
    repeat(
      4,
      (channel) => `{
        ${repeat(pixels + 2, (offset) => `let s${offset} = ${seenAt(dy, offset, channel)};`)}
        ${repeat(vectors, (k) =>
          repeat(3, (dx) =>
            repeat(pixels, (pixel) => {
              const at = a(dy * 3 + dx, channel, k);
              return `${at} = fma(s${dx + pixel}, g${pixel}_${k}, ${at});`;
            }),
          ),
        )}
      }`,
    );
  const kept = 2 / pixels;
  const wgsl = `enable subgroups;
${text}
@group(0) @binding(${bindings.length}) var<uniform> constants: array<vec4i, 3>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) invocation: u32) {
  let lane = i32(invocation);
  let half = lane >> 2;
  let size = constants[0];
  let counts = constants[1];
  let places = constants[2];
  let plane = size.x * size.y;
  let inBlock = i32(group.x);
  let outBlock = i32(group.y) * ${pixels * vectors};
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
    ${repeat(kept, (v) => `var before${dy}_${v} = select(0f, ${seen(access.loadOne("source", `max(0, base${dy} + ${4 * (v * pixels - 1)})`))}, inRow${dy} && half + ${v * pixels} >= 1);`)}`,
    )}
    for (var x = 0; x < size.y; x += ${pixels}) {
      ${repeat(vectors, (k) => repeat(pixels, (pixel) => `let g${pixel}_${k} = ${gradientAt(k, pixel)}; sum${k} += g${pixel}_${k};`))}
      ${repeat(
        3,
        (dy) => `{
        // From pixel x + 1 on.
        let next = select(0f, ${seen(access.loadOne("source", `base${dy} + (x + 1) * 4`))}, inRow${dy} && x + 1 + half < size.y);
        ${taps(dy)}
        ${repeat(kept, (v) => `before${dy}_${v} = ${v === kept - 1 ? "next" : `before${dy}_${v + 1}`};`)}
      }`,
      )}
    }
  }
  let to = split * counts.z + outBlock * 4 + lane;
  ${narrow ? "if (outBlock * 4 + lane >= places.y) { return; }" : ""}
  // The sums of the gradient cost little: one text serves with and without bias.
  if (inBlock == 0 && places.z < counts.z) { ${repeat(vectors, (k) => `partials[to + places.z + ${lanes * k}] = sum${k};`)} }
  var values = array<f32, ${count}>(${Array.from({ length: count }, (_, i) => `a${i}`).join()});
  // The bound comes from the uniform so that no compiler unrolls the loop: unrolled stores are slow to compile.
  for (var i = 0; i < counts.w; i++) {
    let tap = i / ${4 * vectors};
    let channel = (i / ${vectors}) % 4;
    partials[to + (tap * places.x + inBlock * 4 + channel) * places.y + (i % ${vectors}) * ${lanes}] = values[i];
  }
}`;
  return { wgsl, bindings, constants, workgroups: [inBlocks, groups, splits], splits, partialFloats };
}
