import { featureAccess } from "./access";
import type { Build, ConvWgradSpec, Kernel, PartialKernel, Target, Variant } from "./kernel";
import { lanesOf } from "./laneConv";
import { laneWgrad, type WgradTile as WgradLaneTile, wgradTile } from "./laneWgrad";
import { unitFor, withMatrices } from "./matrixUnits";
import { matrixWgrad } from "./matrixWgrad";
import { withTiles } from "./tile";
import { CONV_TAPS, tileWgrad, type WgradTile, wgradTileName, wgradTiles } from "./tileWgrad";
import { tunable } from "./variants";
import {
  blocksOf,
  declare,
  elementOf,
  featureBytes,
  onLoad,
  pixelsOf,
  repeat,
  sizeText,
  valueType,
} from "./wgsl";

/** Threads that keep a device busy, and the largest scratch that splits may fill. */
const SOFTWARE_THREADS = 128;
const GPU_THREADS = 1 << 15;
const SCRATCH_FLOATS = 1 << 22;

/**
 * ∂weight (and ∂bias) of a 3×3 convolution for one source: an implicit GEMM over pixels, split over rows of the batch.
 *
 * Tile: a thread holds the 4 × 4 channels of one pair of blocks for the three taps of a row (12 vec4 accumulators) and walks
 * over its rows of pixels with a sliding window: per pixel it reads one vec4 of the source and one of the gradient and does
 * 48 multiply-adds. Threads of a workgroup are neighbouring pairs, so that their loads share cache lines; the row of
 * taps comes from the workgroup. Each split writes its own partial sum; no atomics.
 */
export const convWgrad = tunable<ConvWgradSpec, PartialKernel>(
  (spec, target): readonly Variant<PartialKernel>[] => {
    const lanes = lanesOf(target);
    const pair = { name: "pair", build: () => pairWgrad(spec, target) };
    const others =
      lanes === null || spec.source.channels === 1
        ? [pair]
        : [
            {
              name: "lane",
              build: () => laneWgradKernel(spec, target, wgradTile(spec.outChannels, lanes)),
            },
            pair,
          ];
    const matrices = matrixWgrad({ ...spec, taps: 9 }, target, (splits, floats) =>
      figures(spec, splits, floats),
    );
    const tiled = withTiles(others, wgradTiles({ ...spec, taps: CONV_TAPS }, target), target, (tile) => ({
      name: wgradTileName(tile),
      build: () => tileWgradKernel(spec, target, tile),
    }));
    return withMatrices(matrices, tiled, unitFor(spec, target), [spec.source.channels], spec.outChannels);
  },
);

/** The variant for GPUs; see `tileWgrad`. */
export function tileWgradKernel(spec: ConvWgradSpec, target: Target, tile: WgradTile): PartialKernel {
  const built = tileWgrad({ ...spec, taps: CONV_TAPS }, featureAccess(spec, target), tile);
  return { ...built, ...figures(spec, built.splits, built.partialFloats) };
}

/** The variant for processors; see `laneWgrad`. */
export function laneWgradKernel(spec: ConvWgradSpec, target: Target, tile: WgradLaneTile): PartialKernel {
  const built = laneWgrad(spec, target, tile);
  return { ...built, ...figures(spec, built.splits, built.partialFloats) };
}

function figures(
  spec: ConvWgradSpec,
  splits: number,
  partialFloats: number,
): Pick<Kernel, "label" | "flops" | "bytes"> {
  const { source, outChannels } = spec;
  return {
    label: `convWgrad ${source.channels}→${outChannels} ${sizeText(spec)}${spec.bias ? " bias" : ""}`,
    flops: 18 * source.channels * outChannels * pixelsOf(spec),
    bytes: featureBytes(spec, source.channels) + featureBytes(spec, outChannels) + 4 * partialFloats * splits,
  };
}

/** The variant without subgroups. */
const pairWgrad: Build<ConvWgradSpec, PartialKernel> = (spec, target) => {
  const { images, height, width, source, outChannels } = spec;
  const scalar = source.channels === 1;
  const inBlocks = blocksOf(source.channels);
  const outBlocks = blocksOf(outChannels);
  const pairs = inBlocks * outBlocks;
  const rows = images * height;
  const partialFloats = 9 * source.channels * outChannels + (spec.bias ? outChannels : 0);
  const wanted = Math.ceil((target.software ? SOFTWARE_THREADS : GPU_THREADS) / pairs);
  const affordable = Math.max(1, Math.floor(SCRATCH_FLOATS / partialFloats));
  const rowsPerSplit = Math.ceil(rows / Math.min(wanted, affordable, rows));
  const splits = Math.ceil(rows / rowsPerSplit);
  const threads = target.software ? 8 : 64;
  const access = featureAccess(spec, target);
  const element = valueType(source);
  const lanes = scalar ? 1 : 4;
  const load = onLoad(source, "inBlock", access);
  const { text, bindings } = declare(
    [
      ...(source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", elementOf(source, access)],
      ["gradient", "read", access.read],
      ["partials", "readWrite", "vec4f"],
    ],
    access,
  );
  const part = (name: string, lane: number): string => (scalar ? name : `${name}[${lane}]`);
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32(group.x) * ${threads} + i32(local);
  if (thread >= ${pairs * splits}) { return; }
  let dy = i32(group.y);
  let outBlock = thread % ${outBlocks};
  let inBlock = (thread / ${outBlocks}) % ${inBlocks};
  let split = thread / ${pairs};
  ${load.prepare}
  ${repeat(3 * lanes, (i) => `var a${i} = vec4f();`)}
  var sum = vec4f();
  for (var r = split * ${rowsPerSplit}; r < min((split + 1) * ${rowsPerSplit}, ${rows}); r++) {
    let image = r / ${height};
    let y = r % ${height};
    let start = ((image * ${outBlocks} + outBlock) * ${height} + y) * ${width};
    let row = y + dy - 1;
    let inRow = row >= 0 && row < ${height};
    let base = ((image * ${inBlocks} + inBlock) * ${height} + clamp(row, 0, ${height - 1})) * ${width};
    var before = ${element}();
    var here = select(${element}(), ${load.of("source[base]")}, inRow);
    for (var x = 0; x < ${width}; x++) {
      let next = select(${element}(), ${load.of(`source[base + min(x + 1, ${width - 1})]`)}, inRow && x + 1 < ${width});
      let g = ${access.load("gradient[start + x]")};
      ${repeat(lanes, (lane) =>
        ["before", "here", "next"]
          .map(
            (name, dx) =>
              `a${dx * lanes + lane} = fma(vec4f(${part(name, lane)}), g, a${dx * lanes + lane});`,
          )
          .join(" "),
      )}
      sum += g;
      before = here;
      here = next;
    }
  }
  let to = split * ${partialFloats / 4} + dy * ${3 * source.channels * outBlocks} + inBlock * ${lanes * outBlocks} + outBlock;
  ${repeat(3, (dx) => repeat(lanes, (lane) => `partials[to + ${(dx * source.channels + lane) * outBlocks}] = a${dx * lanes + lane};`))}
  ${spec.bias ? `if (dy == 1 && inBlock == 0) { partials[split * ${partialFloats / 4} + ${9 * source.channels * outBlocks} + outBlock] = sum; }` : ""}
}`;
  return {
    ...figures(spec, splits, partialFloats),
    wgsl,
    bindings,
    workgroups: [Math.ceil((pairs * splits) / threads), 3, 1],
    splits,
    partialFloats,
  };
};
