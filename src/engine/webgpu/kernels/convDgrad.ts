import { type FeatureAccess, featureAccess } from "./access";
import type { ConvDgradSpec, Kernel, Target, Variant } from "./kernel";
import { type LaneTile, laneConv, lanesOf } from "./laneConv";
import { matrixDgrad } from "./matrixConv";
import { unitFor, withMatrices } from "./matrixUnits";
import { withTiles } from "./tile";
import { type ConvTile, convTileName, convTiles, tileConv } from "./tileConv";
import { tunable } from "./variants";
import {
  blocksOf,
  declare,
  featureBytes,
  type PixelTile,
  pixelsOf,
  pixelTile,
  repeat,
  sizeText,
  storeTile,
} from "./wgsl";

/**
 * ∂source of a 3×3 convolution: the forward convolution of the gradient with the weight turned by 180° and its channels
 * exchanged, for the channels of one source. The epilogue applies the ReLU of the source (`mask`) and adds to what other
 * consumers left (`accumulate`).
 */
export const convDgrad = tunable<ConvDgradSpec, Kernel>((spec, target): readonly Variant<Kernel>[] => {
  const lanes = lanesOf(target);
  const pixel = { name: "pixel", build: () => pixelDgrad(spec, target) };
  const others =
    lanes === null ? [pixel] : [{ name: "lane", build: () => laneDgrad(spec, target, lanes) }, pixel];
  const matrices = matrixDgrad(spec, target, figures(spec));
  const tiled = withTiles(
    others,
    convTiles(spec, [spec.outChannels], spec.channels, target),
    target,
    (tile) => ({
      name: convTileName(tile),
      build: () => tileDgrad(spec, target, tile),
    }),
  );
  return withMatrices(matrices, tiled, unitFor(spec, target), [spec.outChannels], spec.channels);
});

/** The variant for GPUs; see `tileConv`. */
export function tileDgrad(spec: ConvDgradSpec, target: Target, tile: ConvTile): Kernel {
  const access = featureAccess(spec, target);
  const { inChannels, firstChannel, channels, outChannels } = spec;
  const outBlocks = blocksOf(outChannels);
  const built = tileConv(
    {
      ...spec,
      outChannels: channels,
      access,
      sources: [
        {
          name: "gradient",
          source: { channels: outChannels, normOffset: null, relu: false },
          // The taps run backwards from the last.
          weightStart: (8 * inChannels + firstChannel) * outBlocks,
        },
      ],
      walk: {
        tapStep: -inChannels * outBlocks,
        rowStep: outBlocks,
        blockStep: 1,
        vectorStep: 4 * outBlocks,
        turned: true,
      },
      before: [],
      after: [
        ...(spec.mask ? [["mask", "read", access.read] as const] : []),
        ["output", "readWrite", access.readWrite],
      ],
      initial: () => "vec4f()",
      store: storeOf(spec, access),
    },
    tile,
  );
  return { ...built, ...figures(spec) };
}

/** Statement that stores `value` at `to`: what the mask lets pass, added where asked. */
function storeOf({ mask, accumulate }: ConvDgradSpec, access: FeatureAccess): string {
  const passed = mask ? `select(vec4f(), value, ${access.load("mask[to]")} > vec4f())` : "value";
  return `output[to] = ${access.store(accumulate ? `${access.loadOwn("output[to]")} + ${passed}` : passed)};`;
}

/** The variant for processors; see `laneConv`. */
export function laneDgrad(spec: ConvDgradSpec, target: Target, lanes: number, tile?: LaneTile): Kernel {
  const access = featureAccess(spec, target);
  const { inChannels, firstChannel, channels, outChannels } = spec;
  const built = laneConv(
    {
      ...spec,
      outChannels: channels,
      lanes,
      access,
      sources: [
        {
          name: "gradient",
          source: { channels: outChannels, normOffset: null, relu: false },
          // The taps run backwards from the last.
          weightStart: (8 * inChannels + firstChannel) * outChannels,
        },
      ],
      walk: {
        dyStep: -3 * inChannels * outChannels,
        dxStep: -inChannels * outChannels,
        inStep: 1,
        outStep: outChannels,
      },
      before: [],
      after: [
        ...(spec.mask ? [["mask", "read", access.read] as const] : []),
        ["output", "readWrite", access.readWrite],
      ],
      initial: () => "vec4f()",
      store: storeOf(spec, access),
    },
    tile,
  );
  return { ...built, ...figures(spec) };
}

function figures(spec: ConvDgradSpec): Pick<Kernel, "label" | "flops" | "bytes"> {
  const { inChannels, channels, outChannels } = spec;
  return {
    label: `convDgrad ${channels}/${inChannels}←${outChannels} ${sizeText(spec)}${spec.mask ? " mask" : ""}${spec.accumulate ? " add" : ""}`,
    flops: 18 * channels * outChannels * pixelsOf(spec),
    bytes:
      featureBytes(spec, outChannels) +
      featureBytes(spec, channels) * (1 + (spec.mask ? 1 : 0) + (spec.accumulate ? 1 : 0)) +
      36 * channels * outChannels,
  };
}

/**
 * The variant without subgroups; its tile is that of `pixelForward`. The 4×4 blocks of weights are transposed in registers, once
 * for all pixels of the thread.
 */
export function pixelDgrad(spec: ConvDgradSpec, target: Target, tile?: PixelTile): Kernel {
  const { images, height, width, inChannels, firstChannel, channels, outChannels } = spec;
  const access = featureAccess(spec, target);
  const blocks = blocksOf(channels);
  const outBlocks = blocksOf(outChannels);
  const { pixels, vectors, threads } = tile ?? pixelTile(blocks, width, target.software);
  const ragged = width % pixels !== 0;
  const tilesPerRow = Math.ceil(width / pixels);
  const tiles = tilesPerRow * height * images;
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ["gradient", "read", access.read],
      ...(spec.mask ? [["mask", "read", access.read] as const] : []),
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let tile = i32(group.x) * ${threads} + i32(local);
  if (tile >= ${tiles}) { return; }
  let block = i32(group.y) * ${vectors};
  let left = (tile % ${tilesPerRow}) * ${pixels};
  let y = (tile / ${tilesPerRow}) % ${height};
  let image = tile / ${tilesPerRow * height};
  ${repeat(vectors, (k) => repeat(pixels, (p) => `var a${p}_${k} = vec4f();`))}
  for (var dy = 0; dy < 3; dy++) {
    let inRow = y + dy >= 1 && y + dy <= ${height};
    let row = clamp(y + dy - 1, 0, ${height - 1});
    for (var outBlock = 0; outBlock < ${outBlocks}; outBlock++) {
      let base = ((image * ${outBlocks} + outBlock) * ${height} + row) * ${width};
      ${repeat(pixels + 2, (i) => {
        const x = `left + ${i - 1}`;
        // Only the two ends of a tile can lie outside of the row, unless the last tile is ragged.
        if (!ragged && i > 0 && i <= pixels)
          return `let v${i} = select(vec4f(), ${access.load(`gradient[base + ${x}]`)}, inRow);`;
        return `let v${i} = select(vec4f(), ${access.load(`gradient[base + clamp(${x}, 0, ${width - 1})]`)}, inRow && ${x} >= 0 && ${x} < ${width});`;
      })}
      let weightBase = ((2 - dy) * ${3 * inChannels} + ${firstChannel} + block * 4) * ${outBlocks} + outBlock;
      ${repeat(3, (dx) =>
        repeat(
          vectors,
          (k) => `{
        ${repeat(4, (j) => `let w${j} = weights[weightBase + ${((2 - dx) * inChannels + k * 4 + j) * outBlocks}];`)}
        ${repeat(
          4,
          (lane) => `{ let w = vec4f(w0[${lane}], w1[${lane}], w2[${lane}], w3[${lane}]);
          ${repeat(pixels, (p) => `a${p}_${k} = fma(vec4f(v${p + dx}[${lane}]), w, a${p}_${k});`)} }`,
        )}
      }`,
        ),
      )}
    }
  }
  ${storeTile(
    "output",
    pixels,
    vectors,
    `if (left + p < ${width}) {
      let to = ((image * ${blocks} + block + k) * ${height} + y) * ${width} + left + p;
      ${storeOf(spec, access)}
    }`,
  )}
}`;
  return {
    ...figures(spec),
    wgsl,
    bindings,
    workgroups: [Math.ceil(tiles / threads), blocks / vectors, 1],
  };
}
