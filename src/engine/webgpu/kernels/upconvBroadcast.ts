import { featureAccess } from "./access";
import type { Kernel, PartialKernel, Target } from "./kernel";
import type { UpconvDgradSpec, UpconvSpec } from "./upconv";
import { blocksOf, declare, featureBytes, onLoad, pixelsOf, repeat, sizeText, storeTile } from "./wgsl";

/**
 * The transposed convolution for adapters that run on the processor. There a load from a buffer inside a loop costs its lanes'
 * worth of scalar loads even where all lanes read the same place; so each lane of a subgroup loads one number of what all
 * need, and `subgroupBroadcast` spreads it. A workgroup is one subgroup of `lanes` (4 or 8); control flow is the same for
 * all of its lanes, so tiles beyond the end repeat the last one instead of returning.
 */

const TAPS = 4;
/** Target threads of a weight gradient and its largest scratch, in floats. */
const WGRAD_GROUPS = 16;
const SCRATCH_FLOATS = 1 << 22;

function tiling(
  { width, height, images }: UpconvSpec | UpconvDgradSpec,
  lanes: number,
): { readonly pixels: number; readonly groups: number; readonly find: string } {
  const pixels = Math.min(8, width);
  const tilesPerRow = Math.ceil(width / pixels);
  const tiles = tilesPerRow * height * images;
  return {
    pixels,
    groups: Math.ceil(tiles / lanes),
    find: `let lane = i32(local);
  let tile = min(i32(group.x) * ${lanes} + lane, ${tiles - 1});
  let left = (tile % ${tilesPerRow}) * ${pixels};
  let y = (tile / ${tilesPerRow}) % ${height};
  let image = tile / ${tilesPerRow * height};`,
  };
}

const HEAD = (lanes: number): string => `@compute @workgroup_size(${lanes})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {`;

/** The vec4 of numbers `first` … `first + 3` of those that lanes hold in `${name}0`, `${name}1`, …, `lanes` each. */
function spread(name: string, first: number, lanes: number): string {
  const held = `${name}${Math.floor(first / lanes)}`;
  const at = [0, 1, 2, 3].map((q) => `subgroupBroadcast(${held}, ${(first % lanes) + q}u)`);
  return `vec4f(${at.join(", ")})`;
}

/**
 * Forward. Tile: 8 source pixels × the 2 taps of an output row × 4 output channels a lane. Per block of source channels a
 * lane reads 8 vec4 of the source and 32/lanes floats of weights, for 256 multiply-adds.
 */
export function upconvBroadcast(spec: UpconvSpec, target: Target, lanes: number): Kernel {
  const access = featureAccess(spec, target);
  const { height, width, source, outChannels } = spec;
  const inBlocks = blocksOf(source.channels);
  const outBlocks = blocksOf(outChannels);
  const { pixels, groups, find } = tiling(spec, lanes);
  const load = onLoad(source, "block", access);
  const { text, bindings } = declare(
    [
      ["weights", "read", "f32"],
      ["bias", "read", "vec4f"],
      ...(source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", access.read],
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  // Numbers of weights in the order (dx, ci, co): 32.
  const weight = (i: number): string => {
    const dx = Math.floor((i * lanes) / 16);
    const row = `block * 4 + ((${(i * lanes) % 16} + lane) >> 2)`;
    return `let w${i} = weights[((dy * 2 + ${dx}) * ${source.channels} + ${row}) * ${outChannels} + outBlock * 4 + (lane & 3)];`;
  };
  const wgsl = `enable subgroups;
${text}
${HEAD(lanes)}
  ${find}
  let outBlock = i32(group.y);
  let dy = i32(group.z);
  ${repeat(2, (dx) => repeat(pixels, (p) => `var a${p}_${dx} = bias[outBlock];`))}
  for (var block = 0; block < ${inBlocks}; block++) {
    ${load.prepare}
    let base = ((image * ${inBlocks} + block) * ${height} + y) * ${width};
    ${repeat(pixels, (p) => `let v${p} = ${load.of(`source[base + min(left + ${p}, ${width - 1})]`)};`)}
    ${repeat(32 / lanes, weight)}
    ${repeat(2, (dx) =>
      repeat(
        4,
        (l) => `{ let w = ${spread("w", dx * 16 + l * 4, lanes)};
      ${repeat(pixels, (p) => `a${p}_${dx} = fma(vec4f(v${p}[${l}]), w, a${p}_${dx});`)} }`,
      ),
    )}
  }
  ${storeTile(
    "output",
    pixels,
    2,
    `if (left + p < ${width}) { output[((image * ${outBlocks} + outBlock) * ${2 * height} + 2 * y + dy) * ${2 * width} + 2 * (left + p) + k] = ${access.store("value")}; }`,
  )}
}`;
  return {
    label: `upconv ${source.channels}→${outChannels} ${sizeText(spec)}`,
    wgsl,
    bindings,
    workgroups: [groups, outBlocks, 2],
    flops: 8 * source.channels * outChannels * pixelsOf(spec),
    bytes:
      featureBytes(spec, source.channels) +
      4 * featureBytes(spec, outChannels) +
      16 * source.channels * outChannels,
  };
}

/**
 * ∂source. Tile: 8 source pixels × up to 8 source channels a lane. Per tap and block of output channels a lane reads 8 vec4
 * of the gradient and 32/lanes floats of weights, for 256 multiply-adds.
 */
export function upconvDgradBroadcast(spec: UpconvDgradSpec, target: Target, lanes: number): Kernel {
  const access = featureAccess(spec, target);
  const { height, width, channels, outChannels } = spec;
  const blocks = blocksOf(channels);
  const outBlocks = blocksOf(outChannels);
  const vectors = blocks % 2 === 0 ? 2 : 1;
  const { pixels, groups, find } = tiling(spec, lanes);
  const { text, bindings } = declare(
    [
      ["weights", "read", "f32"],
      ["gradient", "read", access.read],
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  // Numbers of weights in the order (vector, co, ci), so that four neighbours are the ci of one vec4.
  const weight = (i: number): string => {
    const k = Math.floor((i * lanes) / 16);
    const number = `(${(i * lanes) % 16} + lane)`;
    return `let w${i} = weights[(tap * ${channels} + (block + ${k}) * 4 + (lane & 3)) * ${outChannels} + outBlock * 4 + (${number} >> 2)];`;
  };
  const wgsl = `enable subgroups;
${text}
${HEAD(lanes)}
  ${find}
  let block = i32(group.y) * ${vectors};
  ${repeat(vectors, (k) => repeat(pixels, (p) => `var a${p}_${k} = vec4f();`))}
  for (var tap = 0; tap < ${TAPS}; tap++) {
    for (var outBlock = 0; outBlock < ${outBlocks}; outBlock++) {
      let base = ((image * ${outBlocks} + outBlock) * ${2 * height} + 2 * y + (tap >> 1)) * ${2 * width} + (tap & 1);
      ${repeat(pixels, (p) => `let v${p} = ${access.load(`gradient[base + 2 * min(left + ${p}, ${width - 1})]`)};`)}
      ${repeat((16 * vectors) / lanes, weight)}
      ${repeat(vectors, (k) =>
        repeat(
          4,
          (l) => `{ let w = ${spread("w", k * 16 + l * 4, lanes)};
        ${repeat(pixels, (p) => `a${p}_${k} = fma(vec4f(v${p}[${l}]), w, a${p}_${k});`)} }`,
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
      output[to] = ${access.store(spec.accumulate ? `${access.loadOwn("output[to]")} + value` : "value")};
    }`,
  )}
}`;
  return {
    label: `upconvDgrad ${channels}←${outChannels} ${sizeText(spec)}${spec.accumulate ? " add" : ""}`,
    wgsl,
    bindings,
    workgroups: [groups, blocks / vectors, 1],
    flops: 8 * channels * outChannels * pixelsOf(spec),
    bytes:
      4 * featureBytes(spec, outChannels) +
      (spec.accumulate ? 2 : 1) * featureBytes(spec, channels) +
      16 * channels * outChannels,
  };
}

/**
 * ∂weight and ∂bias. A lane is an output channel; a workgroup holds `lanes` of them × 4 or 8 source channels × 4 taps and walks
 * over its rows, lanes/4 pixels at a time: a lane reads one float of the source a block (lanes/4 pixels × 4 channels lie
 * side by side) and one of the gradient a pixel and tap, for 32 multiply-adds a block of 4 channels with 8 lanes. Needs
 * outChannels divisible by `lanes` and width by lanes/4.
 */
export function upconvWgradBroadcast(spec: UpconvSpec, target: Target, lanes: number): PartialKernel {
  const access = featureAccess(spec, target);
  const { images, height, width, source, outChannels } = spec;
  const { channels } = source;
  const inBlocks = blocksOf(channels);
  const outBlocks = blocksOf(outChannels);
  const held = inBlocks % 2 === 0 ? 2 : 1;
  const together = lanes / 4;
  const tiles = (inBlocks / held) * (outChannels / lanes);
  const rows = images * height;
  const partialFloats = TAPS * channels * outChannels + outChannels;
  const wanted = Math.ceil(WGRAD_GROUPS / tiles);
  const affordable = Math.max(1, Math.floor(SCRATCH_FLOATS / partialFloats));
  const rowsPerSplit = Math.ceil(rows / Math.min(wanted, affordable, rows));
  const splits = Math.ceil(rows / rowsPerSplit);
  const { text, bindings } = declare(
    [
      ...(source.normOffset !== null ? [["norms", "read", "f32"] as const] : []),
      ["source", "read", access.readOne],
      ["gradient", "read", access.readOne],
      ["partials", "readWrite", "f32"],
    ],
    access,
  );
  const rectified = (value: string): string => (source.relu ? `max(0, ${value})` : value);
  const seen = (b: number): string => {
    const stored = access.loadOne("source", `base${b} + x * 4`);
    return rectified(source.normOffset === null ? stored : `fma(${stored}, scale${b}, shift${b})`);
  };
  const norm = source.normOffset === null ? null : 4 * source.normOffset;
  const wgsl = `enable subgroups;
${text}
${HEAD(lanes)}
  let lane = i32(local);
  let inBlock = i32(group.x) * ${held};
  let out = i32(group.y) * ${lanes} + lane;
  let split = i32(group.z);
  ${
    norm === null
      ? ""
      : repeat(
          held,
          (b) =>
            `let scale${b} = norms[${norm} + (inBlock + ${b}) * 4 + (lane & 3)]; let shift${b} = norms[${norm + channels} + (inBlock + ${b}) * 4 + (lane & 3)];`,
        )
  }
  ${repeat(TAPS * 4 * held, (i) => `var a${i} = 0f;`)}
  var sum = 0f;
  for (var r = split * ${rowsPerSplit}; r < min((split + 1) * ${rowsPerSplit}, ${rows}); r++) {
    let image = r / ${height};
    let y = r % ${height};
    let start = (((image * ${outBlocks} + (out >> 2)) * ${2 * height} + 2 * y) * ${2 * width}) * 4 + (out & 3);
    ${repeat(held, (b) => `let base${b} = ((image * ${inBlocks} + inBlock + ${b}) * ${height} + y) * ${4 * width} + lane;`)}
    for (var x = 0; x < ${width}; x += ${together}) {
      ${repeat(held, (b) => `let v${b} = ${seen(b)};`)}
      ${repeat(
        together,
        (e) => `{
        ${repeat(TAPS, (tap) => `let g${tap} = ${access.loadOne("gradient", `start + ${((tap >> 1) * 2 * width + (tap & 1)) * 4} + (x + ${e}) * 8`)};`)}
        sum += g0 + g1 + g2 + g3;
        ${repeat(held, (b) =>
          repeat(
            4,
            (l) => `{ let s = subgroupBroadcast(v${b}, ${e * 4 + l}u);
          ${repeat(TAPS, (tap) => `a${(tap * held + b) * 4 + l} = fma(s, g${tap}, a${(tap * held + b) * 4 + l});`)} }`,
          ),
        )}
      }`,
      )}
    }
  }
  let to = split * ${partialFloats} + out;
  ${repeat(TAPS, (tap) => repeat(4 * held, (c) => `partials[to + (${tap * channels} + inBlock * 4 + ${c}) * ${outChannels}] = a${tap * 4 * held + c};`))}
  if (inBlock == 0) { partials[to + ${TAPS * channels * outChannels}] = sum; }
}`;
  return {
    label: `upconvWgrad ${channels}→${outChannels} ${sizeText(spec)}`,
    wgsl,
    bindings,
    workgroups: [inBlocks / held, outChannels / lanes, splits],
    flops: 8 * channels * outChannels * pixelsOf(spec),
    bytes: featureBytes(spec, channels) + 4 * featureBytes(spec, outChannels) + 4 * partialFloats * splits,
    splits,
    partialFloats,
  };
}
