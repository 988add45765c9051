import { featureAccess } from "./access";
import type { Build, Extent, Kernel, PartialKernel, SourceSpec, Target } from "./kernel";
import { unitFor, withMatrices } from "./matrixUnits";
import { matrixUpconv, matrixUpconvDgrad } from "./matrixUpconv";
import { matrixWgrad } from "./matrixWgrad";
import { withTiles } from "./tile";
import { productTileName, tileUpconv, tileUpconvDgrad, upconvDgradTiles, upconvTiles } from "./tileUpconv";
import { tileWgrad, UPCONV_TAPS, wgradTileName, wgradTiles } from "./tileWgrad";
import { upconvBroadcast, upconvDgradBroadcast, upconvWgradBroadcast } from "./upconvBroadcast";
import { tunable } from "./variants";
import { blocksOf, declare, featureBytes, onLoad, pixelsOf, repeat, sizeText } from "./wgsl";

/**
 * Transposed convolution 2×2, stride 2: out[2y + dy, 2x + dx, co] = bias + Σ_ci source[y, x, ci] · weight[tap, ci, co], tap =
 * 2·dy + dx. No two taps meet in one output pixel, so each is a matrix product over the source's pixels. Height and
 * width are the source's; weights are HWIO as for convolutions.
 */
export interface UpconvSpec extends Extent {
  readonly source: SourceSpec;
  readonly outChannels: number;
}

export interface UpconvDgradSpec extends Extent {
  readonly channels: number;
  readonly outChannels: number;
  readonly accumulate: boolean;
}

const TAPS = 4;

/** Lanes of the software adapters' subgroups, for the kernels of `upconvBroadcast`; null where those do not pay. */
function lanesOf({ software, subgroupSize }: Target): number | null {
  return software && (subgroupSize === 4 || subgroupSize === 8) ? subgroupSize : null;
}

/** Tiles of neighbouring pixels of a row, and the index arithmetic that finds one. */
function tiling(
  spec: Extent,
  threads: number,
): { readonly pixels: number; readonly tiles: number; readonly find: string } {
  const pixels = Math.min(4, spec.width);
  const tilesPerRow = Math.ceil(spec.width / pixels);
  const tiles = tilesPerRow * spec.height * spec.images;
  return {
    pixels,
    tiles,
    find: `let tile = i32(group.x) * ${threads} + i32(local);
  if (tile >= ${tiles}) { return; }
  let left = (tile % ${tilesPerRow}) * ${pixels};
  let y = (tile / ${tilesPerRow}) % ${spec.height};
  let image = tile / ${tilesPerRow * spec.height};`,
  };
}

/**
 * Forward. Bindings: weights (read), bias (read), [norms (read)], source (read), output (readWrite, written whole); vec4f.
 * Tile: 4 source pixels × 4 taps × 4 output channels a thread: per block of source channels it reads 4 vec4 of the source
 * and, uniformly, 16 of weights, for 256 multiply-adds.
 */
export const upconv = tunable<UpconvSpec, Kernel>((spec, target) => {
  const lanes = lanesOf(target);
  const plain = { name: "plain", build: () => upconvPlain(spec, target) };
  const others =
    lanes === null ? [plain] : [{ name: "lane", build: () => upconvBroadcast(spec, target, lanes) }, plain];
  const tiles = upconvTiles(spec, spec.source.channels, spec.outChannels, target);
  const tiled = withTiles(others, tiles, target, (tile) => ({
    name: productTileName(tile),
    build: () => ({ ...tileUpconv(spec, featureAccess(spec, target), tile), ...upconvFigures(spec) }),
  }));
  const matrices = matrixUpconv(spec, target, upconvFigures(spec));
  return withMatrices(matrices, tiled, unitFor(spec, target), [spec.source.channels], spec.outChannels);
});

function upconvFigures(spec: UpconvSpec): Pick<Kernel, "label" | "flops" | "bytes"> {
  const { source, outChannels } = spec;
  return {
    label: `upconv ${source.channels}→${outChannels} ${sizeText(spec)}`,
    flops: 8 * source.channels * outChannels * pixelsOf(spec),
    bytes:
      featureBytes(spec, source.channels) +
      4 * featureBytes(spec, outChannels) +
      16 * source.channels * outChannels,
  };
}

const upconvPlain: Build<UpconvSpec> = (spec, target) => {
  const access = featureAccess(spec, target);
  const { height, width, source, outChannels } = spec;
  const inBlocks = blocksOf(source.channels);
  const outBlocks = blocksOf(outChannels);
  const threads = target.software ? 8 : 64;
  const { pixels, tiles, find } = tiling(spec, threads);
  const load = onLoad(source, "block", access);
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ["bias", "read", "vec4f"],
      ...(source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", access.read],
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  ${find}
  let outBlock = i32(group.y);
  ${repeat(TAPS, (tap) => repeat(pixels, (p) => `var a${p}_${tap} = bias[outBlock];`))}
  for (var block = 0; block < ${inBlocks}; block++) {
    ${load.prepare}
    let base = ((image * ${inBlocks} + block) * ${height} + y) * ${width};
    ${repeat(pixels, (p) => `let v${p} = ${load.of(`source[base + min(left + ${p}, ${width - 1})]`)};`)}
    let weightBase = block * ${4 * outBlocks} + outBlock;
    ${repeat(TAPS, (tap) =>
      repeat(
        4,
        (lane) => `{ let w = weights[weightBase + ${(tap * source.channels + lane) * outBlocks}];
      ${repeat(pixels, (p) => `a${p}_${tap} = fma(vec4f(v${p}[${lane}]), w, a${p}_${tap});`)} }`,
      ),
    )}
  }
  let to = ((image * ${outBlocks} + outBlock) * ${2 * height} + 2 * y) * ${2 * width} + 2 * left;
  ${repeat(
    pixels,
    (p) => `if (left + ${p} < ${width}) {
    ${repeat(TAPS, (tap) => `output[to + ${(tap >> 1) * 2 * width + 2 * p + (tap & 1)}] = ${access.store(`a${p}_${tap}`)};`)}
  }`,
  )}
}`;
  return {
    ...upconvFigures(spec),
    wgsl,
    bindings,
    workgroups: [Math.ceil(tiles / threads), outBlocks, 1],
  };
};

/**
 * ∂source. Bindings: weights (read), gradient (read), output (readWrite); vec4f. Tile: 4 source pixels × 4 channels a
 * thread: per tap and block of output channels 4 vec4 of the gradient and, uniformly, 4 of weights, for 64 multiply-adds.
 */
export const upconvDgrad = tunable<UpconvDgradSpec, Kernel>((spec, target) => {
  const lanes = lanesOf(target);
  const plain = { name: "plain", build: () => upconvDgradPlain(spec, target) };
  const others =
    lanes === null
      ? [plain]
      : [{ name: "lane", build: () => upconvDgradBroadcast(spec, target, lanes) }, plain];
  const tiles = upconvDgradTiles(spec, spec.channels, spec.outChannels, target);
  const tiled = withTiles(others, tiles, target, (tile) => ({
    name: productTileName(tile),
    build: () => ({ ...tileUpconvDgrad(spec, featureAccess(spec, target), tile), ...dgradFigures(spec) }),
  }));
  const matrices = matrixUpconvDgrad(spec, target, dgradFigures(spec));
  return withMatrices(matrices, tiled, unitFor(spec, target), [spec.outChannels], spec.channels);
});

function dgradFigures(spec: UpconvDgradSpec): Pick<Kernel, "label" | "flops" | "bytes"> {
  const { channels, outChannels, accumulate } = spec;
  return {
    label: `upconvDgrad ${channels}←${outChannels} ${sizeText(spec)}${accumulate ? " add" : ""}`,
    flops: 8 * channels * outChannels * pixelsOf(spec),
    bytes:
      4 * featureBytes(spec, outChannels) +
      (accumulate ? 2 : 1) * featureBytes(spec, channels) +
      16 * channels * outChannels,
  };
}

const upconvDgradPlain: Build<UpconvDgradSpec> = (spec, target) => {
  const access = featureAccess(spec, target);
  const { height, width, channels, outChannels } = spec;
  const blocks = blocksOf(channels);
  const outBlocks = blocksOf(outChannels);
  const threads = target.software ? 8 : 64;
  const { pixels, tiles, find } = tiling(spec, threads);
  const { text, bindings } = declare(
    [
      ["weights", "read", "vec4f"],
      ["gradient", "read", access.read],
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  ${find}
  let block = i32(group.y);
  ${repeat(pixels, (p) => `var a${p} = vec4f();`)}
  for (var outBlock = 0; outBlock < ${outBlocks}; outBlock++) {
    let base = ((image * ${outBlocks} + outBlock) * ${2 * height} + 2 * y) * ${2 * width};
    let weightBase = block * ${4 * outBlocks} + outBlock;
    ${repeat(
      TAPS,
      (tap) => `{
      ${repeat(4, (j) => `let w${j} = weights[weightBase + ${(tap * channels + j) * outBlocks}];`)}
      ${repeat(
        pixels,
        (
          p,
        ) => `{ let g = ${access.load(`gradient[base + ${(tap >> 1) * 2 * width + (tap & 1)} + 2 * min(left + ${p}, ${width - 1})]`)};
        ${repeat(4, (lane) => `a${p} = fma(vec4f(g[${lane}]), vec4f(w0[${lane}], w1[${lane}], w2[${lane}], w3[${lane}]), a${p});`)} }`,
      )}
    }`,
    )}
  }
  let to = ((image * ${blocks} + block) * ${height} + y) * ${width} + left;
  ${repeat(pixels, (p) => `if (left + ${p} < ${width}) { output[to + ${p}] = ${access.store(spec.accumulate ? `${access.loadOwn(`output[to + ${p}]`)} + a${p}` : `a${p}`)}; }`)}
}`;
  return {
    ...dgradFigures(spec),
    wgsl,
    bindings,
    workgroups: [Math.ceil(tiles / threads), blocks, 1],
  };
};

const SOFTWARE_THREADS = 128;
const GPU_THREADS = 1 << 15;
const SCRATCH_FLOATS = 1 << 22;

/**
 * ∂weight and ∂bias in `splits` partial sums over rows: each [4 taps, C, Co] and [Co]. Bindings: [norms (read)], source
 * (read), gradient (read), partials (readWrite, written whole); vec4f. Tile: a thread holds 4 × 4 channels × 4 taps and
 * walks over its rows: per source pixel one vec4 of the source and four of the gradient, 64 multiply-adds.
 */
export const upconvWgrad = tunable<UpconvSpec, PartialKernel>((spec, target) => {
  const lanes = lanesOf(target);
  const plain = { name: "plain", build: () => upconvWgradPlain(spec, target) };
  const fits = lanes !== null && spec.outChannels % lanes === 0 && spec.width % (lanes / 4) === 0;
  const others = fits
    ? [{ name: "lane", build: () => upconvWgradBroadcast(spec, target, lanes) }, plain]
    : [plain];
  const problem = { ...spec, bias: true, taps: UPCONV_TAPS };
  const tiled = withTiles(others, wgradTiles(problem, target), target, (tile) => ({
    name: wgradTileName(tile),
    build: () => {
      const built = tileWgrad(problem, featureAccess(spec, target), tile);
      return { ...built, ...wgradFigures(spec, built.splits, built.partialFloats) };
    },
  }));
  const { source, outChannels } = spec;
  const figures = (splits: number, floats: number) => wgradFigures(spec, splits, floats);
  const matrices = matrixWgrad({ ...spec, taps: TAPS, bias: true }, target, figures);
  return withMatrices(matrices, tiled, unitFor(spec, target), [source.channels], outChannels);
});

function wgradFigures(
  spec: UpconvSpec,
  splits: number,
  partialFloats: number,
): Pick<Kernel, "label" | "flops" | "bytes"> {
  const { source, outChannels } = spec;
  return {
    label: `upconvWgrad ${source.channels}→${outChannels} ${sizeText(spec)}`,
    flops: 8 * source.channels * outChannels * pixelsOf(spec),
    bytes:
      featureBytes(spec, source.channels) + 4 * featureBytes(spec, outChannels) + 4 * partialFloats * splits,
  };
}

const upconvWgradPlain: Build<UpconvSpec, PartialKernel> = (spec, target) => {
  const access = featureAccess(spec, target);
  const { images, height, width, source, outChannels } = spec;
  const inBlocks = blocksOf(source.channels);
  const outBlocks = blocksOf(outChannels);
  const pairs = inBlocks * outBlocks;
  const rows = images * height;
  const partialFloats = TAPS * source.channels * outChannels + outChannels;
  const wanted = Math.ceil((target.software ? SOFTWARE_THREADS : GPU_THREADS) / pairs);
  const affordable = Math.max(1, Math.floor(SCRATCH_FLOATS / partialFloats));
  const rowsPerSplit = Math.ceil(rows / Math.min(wanted, affordable, rows));
  const splits = Math.ceil(rows / rowsPerSplit);
  const threads = target.software ? 8 : 64;
  const load = onLoad(source, "inBlock", access);
  const { text, bindings } = declare(
    [
      ...(source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", access.read],
      ["gradient", "read", access.read],
      ["partials", "readWrite", "vec4f"],
    ],
    access,
  );
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32(group.x) * ${threads} + i32(local);
  if (thread >= ${pairs * splits}) { return; }
  let outBlock = thread % ${outBlocks};
  let inBlock = (thread / ${outBlocks}) % ${inBlocks};
  let split = thread / ${pairs};
  ${load.prepare}
  ${repeat(TAPS * 4, (i) => `var a${i} = vec4f();`)}
  var sum = vec4f();
  for (var r = split * ${rowsPerSplit}; r < min((split + 1) * ${rowsPerSplit}, ${rows}); r++) {
    let image = r / ${height};
    let y = r % ${height};
    let start = ((image * ${outBlocks} + outBlock) * ${2 * height} + 2 * y) * ${2 * width};
    let base = ((image * ${inBlocks} + inBlock) * ${height} + y) * ${width};
    for (var x = 0; x < ${width}; x++) {
      let v = ${load.of("source[base + x]")};
      ${repeat(
        TAPS,
        (
          tap,
        ) => `{ let g = ${access.load(`gradient[start + ${(tap >> 1) * 2 * width + (tap & 1)} + 2 * x]`)}; sum += g;
      ${repeat(4, (lane) => `a${tap * 4 + lane} = fma(vec4f(v[${lane}]), g, a${tap * 4 + lane});`)} }`,
      )}
    }
  }
  let to = split * ${partialFloats / 4} + inBlock * ${4 * outBlocks} + outBlock;
  ${repeat(TAPS, (tap) => repeat(4, (lane) => `partials[to + ${(tap * source.channels + lane) * outBlocks}] = a${tap * 4 + lane};`))}
  if (inBlock == 0) { partials[split * ${partialFloats / 4} + ${TAPS * source.channels * outBlocks} + outBlock] = sum; }
}`;
  return {
    ...wgradFigures(spec, splits, partialFloats),
    wgsl,
    bindings,
    workgroups: [Math.ceil((pairs * splits) / threads), 1, 1],
    splits,
    partialFloats,
  };
};
