import { featureAccess } from "./access";
import type { ConvForwardSpec, Kernel, Target, Variant } from "./kernel";
import { type LaneTile, laneConv, lanesOf } from "./laneConv";
import { matrixForward } from "./matrixConv";
import { unitFor, withMatrices } from "./matrixUnits";
import { withTiles } from "./tile";
import { type ConvTile, convTileName, convTiles, tileConv } from "./tileConv";
import { tunable } from "./variants";
import {
  blocksOf,
  declare,
  elementOf,
  featureBytes,
  onLoad,
  type PixelTile,
  pixelsOf,
  pixelTile,
  repeat,
  sizeText,
  storeTile,
  valueType,
} from "./wgsl";

/**
 * Forward convolution 3×3 over concatenated sources, bias and ReLU in the epilogue. Normalisation and ReLU of a source are
 * applied as it is loaded, so a concat or a normalised tensor never exists in memory.
 */
export const convForward = tunable<ConvForwardSpec, Kernel>((spec, target): readonly Variant<Kernel>[] => {
  const lanes = lanesOf(target);
  const pixel = { name: "pixel", build: () => pixelForward(spec, target) };
  const others =
    lanes === null ? [pixel] : [{ name: "lane", build: () => laneForward(spec, target, lanes) }, pixel];
  const matrices = matrixForward(spec, target, figures(spec));
  const inChannels = spec.sources.map(({ channels }) => channels);
  const tiled = withTiles(others, convTiles(spec, inChannels, spec.outChannels, target), target, (tile) => ({
    name: convTileName(tile),
    build: () => tileForward(spec, target, tile),
  }));
  return withMatrices(matrices, tiled, unitFor(spec, target), inChannels, spec.outChannels);
});

/** The variant for GPUs; see `tileConv`. */
export function tileForward(spec: ConvForwardSpec, target: Target, tile: ConvTile): Kernel {
  const access = featureAccess(spec, target);
  const { sources, outChannels } = spec;
  const inChannels = sources.reduce((sum, { channels }) => sum + channels, 0);
  const outBlocks = blocksOf(outChannels);
  const built = tileConv(
    {
      ...spec,
      access,
      sources: sources.map((source, index) => ({
        name: `source${index}`,
        source,
        weightStart: sources.slice(0, index).reduce((sum, { channels }) => sum + channels * outBlocks, 0),
      })),
      walk: {
        tapStep: inChannels * outBlocks,
        rowStep: outBlocks,
        blockStep: 4 * outBlocks,
        vectorStep: 1,
        turned: false,
      },
      before: [["bias", "read", "vec4f"]],
      after: [["output", "readWrite", access.readWrite]],
      initial: (block) => `bias[${block}]`,
      store: `output[to] = ${access.store(spec.relu ? "max(vec4f(), value)" : "value")};`,
    },
    tile,
  );
  return { ...built, ...figures(spec) };
}

/** The variant for processors; see `laneConv`. */
export function laneForward(spec: ConvForwardSpec, target: Target, lanes: number, tile?: LaneTile): Kernel {
  const access = featureAccess(spec, target);
  const { sources, outChannels } = spec;
  const inChannels = sources.reduce((sum, { channels }) => sum + channels, 0);
  const starts = sources.map((_, index) =>
    sources.slice(0, index).reduce((sum, { channels }) => sum + channels * outChannels, 0),
  );
  const built = laneConv(
    {
      ...spec,
      lanes,
      access,
      sources: sources.map((source, index) => ({
        name: `source${index}`,
        source,
        weightStart: starts[index] as number,
      })),
      walk: {
        dyStep: 3 * inChannels * outChannels,
        dxStep: inChannels * outChannels,
        inStep: outChannels,
        outStep: 1,
      },
      before: [["bias", "read", "vec4f"]],
      after: [["output", "readWrite", access.readWrite]],
      initial: (k) => `bias[outBlock + ${k}]`,
      store: `output[to] = ${access.store(spec.relu ? "max(vec4f(), value)" : "value")};`,
    },
    tile,
  );
  return { ...built, ...figures(spec) };
}

function figures(spec: ConvForwardSpec): Pick<Kernel, "label" | "flops" | "bytes"> {
  const { sources, outChannels } = spec;
  const inChannels = sources.reduce((sum, { channels }) => sum + channels, 0);
  return {
    label: `convForward ${sources.map(({ channels }) => channels).join("+")}→${outChannels} ${sizeText(spec)}`,
    flops: 18 * inChannels * outChannels * pixelsOf(spec),
    bytes: featureBytes(spec, inChannels) + featureBytes(spec, outChannels) + 36 * inChannels * outChannels,
  };
}

/**
 * The variant without subgroups. Tile: a thread makes a few neighbouring pixels of a row × a few blocks of 4 channels in
 * registers, without workgroup memory. Per row of taps and block of input channels it reads pixels + 2 vec4 of the source and 12
 * vec4 of weights per block of output channels, the latter the same for the whole workgroup, for 12
 * vec4 multiply-adds per pixel and block; it writes its pixels once.
 */
export function pixelForward(spec: ConvForwardSpec, target: Target, tile?: PixelTile): Kernel {
  const { images, height, width, sources, outChannels } = spec;
  const access = featureAccess(spec, target);
  const outBlocks = blocksOf(outChannels);
  const { pixels, vectors, threads } = tile ?? pixelTile(outBlocks, width, target.software);
  const ragged = width % pixels !== 0;
  const tilesPerRow = Math.ceil(width / pixels);
  const tiles = tilesPerRow * height * images;
  const inChannels = sources.reduce((sum, { channels }) => sum + channels, 0);
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ["bias", "read", "vec4f"],
      ...(sources.some(({ normOffset }) => normOffset !== null) ? [["norms", "read", "vec4f"] as const] : []),
      ...sources.map((source, index) => [`source${index}`, "read", elementOf(source, access)] as const),
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  let firstChannel = 0;
  const bodies = sources.map((source, index) => {
    const scalar = source.channels === 1;
    const load = onLoad(source, "block", access);
    const element = valueType(source);
    const at = `source${index}`;
    const body = `for (var block = 0; block < ${blocksOf(source.channels)}; block++) {
  ${load.prepare}
  let base = ((image * ${blocksOf(source.channels)} + block) * ${height} + row) * ${width};
  ${repeat(pixels + 2, (i) => {
    const x = `left + ${i - 1}`;
    // Only the two ends of a tile can lie outside of the row, unless the last tile is ragged.
    if (!ragged && i > 0 && i <= pixels)
      return `let v${i} = select(${element}(), ${load.of(`${at}[base + ${x}]`)}, inRow);`;
    return `let v${i} = select(${element}(), ${load.of(`${at}[base + clamp(${x}, 0, ${width - 1})]`)}, inRow && ${x} >= 0 && ${x} < ${width});`;
  })}
  let weightBase = (dy * ${3 * inChannels} + ${firstChannel} + block * 4) * ${outBlocks} + outBlock;
  ${repeat(3, (dx) =>
    repeat(scalar ? 1 : 4, (lane) =>
      repeat(
        vectors,
        (k) => `{ let w = weights[weightBase + ${(dx * inChannels + lane) * outBlocks + k}];
    ${repeat(pixels, (p) => `a${p}_${k} = fma(vec4f(v${p + dx}${scalar ? "" : `[${lane}]`}), w, a${p}_${k});`)} }`,
      ),
    ),
  )}
}`;
    firstChannel += source.channels;
    return body;
  });
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let tile = i32(group.x) * ${threads} + i32(local);
  if (tile >= ${tiles}) { return; }
  let outBlock = i32(group.y) * ${vectors};
  let left = (tile % ${tilesPerRow}) * ${pixels};
  let y = (tile / ${tilesPerRow}) % ${height};
  let image = tile / ${tilesPerRow * height};
  ${repeat(vectors, (k) => repeat(pixels, (p) => `var a${p}_${k} = bias[outBlock + ${k}];`))}
  for (var dy = 0; dy < 3; dy++) {
    let inRow = y + dy >= 1 && y + dy <= ${height};
    let row = clamp(y + dy - 1, 0, ${height - 1});
    ${bodies.join("\n")}
  }
  ${storeTile(
    "output",
    pixels,
    vectors,
    `if (left + p < ${width}) { output[((image * ${outBlocks} + outBlock + k) * ${height} + y) * ${width} + left + p] = ${access.store(spec.relu ? "max(vec4f(), value)" : "value")}; }`,
  )}
}`;
  return {
    ...figures(spec),
    wgsl,
    bindings,
    workgroups: [Math.ceil(tiles / threads), outBlocks / vectors, 1],
  };
}
