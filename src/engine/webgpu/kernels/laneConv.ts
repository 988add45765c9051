import type { FeatureAccess } from "./access";
import type { Binding, Extent, SourceSpec, Target } from "./kernel";
import { blocksOf, type Declared, declare, elementOf, repeat, valueType } from "./wgsl";

/** How the weight of a contraction is found: at start + dy·dyStep + dx·dxStep + channel·inStep + output·outStep, in floats. */
export interface WeightWalk {
  readonly dyStep: number;
  readonly dxStep: number;
  readonly inStep: number;
  readonly outStep: number;
}

export interface LaneConv extends Extent {
  /** Lanes of a subgroup: 8 or 4. */
  readonly lanes: number;
  readonly access: FeatureAccess;
  /** What is contracted, with the names of the bindings and the start of their weights. */
  readonly sources: readonly {
    readonly name: string;
    readonly source: SourceSpec;
    readonly weightStart: number;
  }[];
  readonly walk: WeightWalk;
  readonly outChannels: number;
  /** Bindings besides `weights` (f32), `norms` (f32) and sources, in their place before and behind the sources. */
  readonly before: readonly Declared[];
  readonly after: readonly Declared[];
  /** Value of the accumulators at first: WGSL over `outBlock` + k. */
  readonly initial: (k: number) => string;
  /** Statement that stores `value` at `to` of `output`. */
  readonly store: string;
}

/** Pixels of a row and channels that a thread makes. */
export interface LaneTile {
  readonly pixels: number;
  readonly outputs: number;
}

/** Lanes of the processor's vectors where kernels can be written for them, null elsewhere. */
export function lanesOf({ software, subgroupSize }: Target): number | null {
  return software && (subgroupSize === 8 || subgroupSize === 4) ? subgroupSize : null;
}

/**
 * The tile for a shape, as measured. llvmpipe (8 lanes, 30 vector registers): 64 accumulators run in registers and the
 * first-level cache, more spill. SwiftShader (4 lanes) keeps every value on the stack anyway, so that fewer loads pay.
 */
export function laneTile(outChannels: number, width: number, lanes: number): LaneTile {
  const outputs = outChannels % 16 === 0 ? 16 : outChannels % 8 === 0 ? 8 : 4;
  const wide = lanes === 8 ? 4 : 16;
  const pixels = [wide, 8, 4].find((count) => count <= wide && width % count === 0) ?? Math.min(4, width);
  return { pixels, outputs };
}

/** Accumulators that are worked on together: as many as stay in registers beside the values. */
const TOGETHER = 4;

/**
 * 3×3 convolution for processors posing as GPUs (llvmpipe, SwiftShader), where a lane is a lane of the processor's vectors: every load inside of a
 * loop costs a branch and an insertion per lane, also where all lanes read one address. So each lane loads a weight
 * of its own, and a broadcast within the subgroup (one shuffle) hands it to the others.
 *
 * Tile: a thread makes `pixels` of a row × `outputs` channels; a workgroup is one subgroup. Per row of taps and block of 4
 * channels it loads pixels + 2 vec4 of the source and 12·outputs/lanes weights for 12·pixels·outputs multiply-adds. Sizes come
 * from a uniform, so that layers share one text and one compilation, which is what takes time on such adapters.
 */
export function laneConv(
  spec: LaneConv,
  tile?: LaneTile,
): {
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  readonly constants: Int32Array<ArrayBuffer>;
  readonly workgroups: readonly [number, number, number];
} {
  const { images, height, width, lanes, access, sources, walk, outChannels } = spec;
  const { pixels, outputs } = tile ?? laneTile(outChannels, width, lanes);
  const ragged = width % pixels !== 0;
  const tilesPerRow = Math.ceil(width / pixels);
  const tiles = tilesPerRow * height * images;
  const normed = sources.some(({ source }) => source.normOffset !== null);
  const { text, bindings } = declare(
    [
      ["weights", "read", "f32"],
      ...spec.before,
      ...(normed ? [["norms", "read", "f32"] as const] : []),
      ...sources.map(({ name, source }) => [name, "read", elementOf(source, access)] as const),
      ...spec.after,
    ],
    access,
  );
  const constants = Int32Array.from([
    ...[height, width, tilesPerRow, tiles],
    ...[walk.dyStep, walk.dxStep, walk.inStep, walk.outStep],
    ...[blocksOf(outChannels), images, (pixels * outputs) / 4, 0],
    ...sources.flatMap(({ source, weightStart }) => [
      blocksOf(source.channels),
      weightStart,
      4 * (source.normOffset ?? 0),
      source.channels,
    ]),
  ]);
  const a = (p: number, o: number): string => `a${p}_${o}`;
  const loads = Math.ceil(outputs / lanes);
  const together = Math.min(TOGETHER, outputs, lanes);
  const body = ({ name, source }: LaneConv["sources"][number], index: number): string => {
    const element = valueType(source);
    const inner = source.channels === 1 ? 1 : 4;
    const taps = 3 * inner;
    const seen = (stored: string): string => {
      const moved = source.normOffset === null ? stored : `fma(${stored}, scale, shift)`;
      return source.relu ? `max(${element}(), ${moved})` : moved;
    };
    const outside = (i: number): string => {
      if (ragged) return ` && left + ${i - 1} >= 0 && left + ${i - 1} < width`;
      if (i === 0) return " && left > 0";
      return i === pixels + 1 ? ` && left + ${pixels} < width` : "";
    };
    const value = (i: number, lane: number): string => (inner === 1 ? `v${i}` : `v${i}[${lane}]`);
    return `{
  let source = constants[${3 + index}];
  for (var block = 0; block < source.x; block++) {
    ${
      source.normOffset === null
        ? ""
        : `let at = source.z + block * 4 + (lane & 3);
    let normLow = norms[at];
    let normHigh = norms[at + source.w];
    let scale = vec4f(${[0, 1, 2, 3].map((i) => `subgroupBroadcast(normLow, ${i}u)`).join()});
    let shift = vec4f(${[0, 1, 2, 3].map((i) => `subgroupBroadcast(normHigh, ${i}u)`).join()});`
    }
    for (var dy = 0; dy < 3; dy++) {
      let inRow = y + dy >= 1 && y + dy <= height;
      let base = ((image * source.x + block) * height + clamp(y + dy - 1, 0, height - 1)) * width + left - 1;
      ${repeat(pixels + 2, (i) => `let v${i} = select(${element}(), ${seen(source.channels === 1 ? `${name}[base + ${i}]` : access.load(`${name}[base + ${i}]`))}, inRow${outside(i)});`)}
      let weightAt = source.y + dy * steps.x + block * ${inner} * steps.z + (outBlock * 4 + lane) * steps.w;
      ${repeat(
        loads,
        (h) => `{
        ${repeat(taps, (t) => `let w${t} = weights[weightAt + ${Math.floor(t / inner)} * steps.y + ${t % inner} * steps.z + ${h * lanes} * steps.w];`)}
        ${repeat(Math.min(lanes, outputs) / together, (group) =>
          repeat(taps, (t) =>
            repeat(together, (j) => {
              const o = h * lanes + group * together + j;
              return `{ let w = subgroupBroadcast(w${t}, ${group * together + j}u); ${Array.from(
                { length: pixels },
                (_, p) => `${a(p, o)} = fma(${value(p + Math.floor(t / inner), t % inner)}, w, ${a(p, o)});`,
              ).join(" ")} }`;
            }),
          ),
        )}
      }`,
      )}
    }
  }
}`;
  };
  const vectors = outputs / 4;
  const wgsl = `enable subgroups;
${text}
@group(0) @binding(${bindings.length}) var<uniform> constants: array<vec4i, ${3 + sources.length}>;
@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) invocation: u32) {
  let lane = i32(invocation);
  let size = constants[0];
  let steps = constants[1];
  let outBlocks = constants[2].x;
  let height = size.x;
  let width = size.y;
  let tile = i32(group.x) * ${lanes} + lane;
  let outBlock = i32(group.y) * ${vectors};
  let left = (tile % size.z) * ${pixels};
  let y = (tile / size.z) % height;
  let image = tile / (size.z * height);
  ${repeat(vectors, (k) => `let initial${k} = ${spec.initial(k)}; ${repeat(4, (q) => repeat(pixels, (p) => `var ${a(p, 4 * k + q)} = initial${k}[${q}];`))}`)}
  ${sources.map(body).join("\n")}
  if (tile >= size.w) { return; }
  var values = array<vec4f, ${pixels * vectors}>(${repeat(vectors, (k) =>
    repeat(
      pixels,
      (p) =>
        `vec4f(${[0, 1, 2, 3].map((q) => a(p, 4 * k + q)).join()})${k * pixels + p === pixels * vectors - 1 ? "" : ","}`,
    ),
  )});
  // The bound comes from the uniform so that no compiler unrolls the loop: unrolled stores are slow to compile.
  for (var i = 0; i < constants[2].z; i++) {
    let block = outBlock + i / ${pixels};
    let x = left + i % ${pixels};
    let to = ((image * outBlocks + block) * height + y) * width + x;
    let value = values[i];
    ${ragged ? `if (x < width) { ${spec.store} }` : spec.store}
  }
}`;
  return { wgsl, bindings, constants, workgroups: [Math.ceil(tiles / lanes), outChannels / outputs, 1] };
}
