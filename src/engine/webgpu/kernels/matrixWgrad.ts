import { featureAccess } from "./access";
import type { ConvWgradSpec, Kernel, PartialKernel, SubgroupMatrix, Target, Variant } from "./kernel";
import {
  bySubgroups,
  bytesOfComponent,
  ENABLE,
  loadLeft,
  loadRight,
  mainHead,
  multiplyAdd,
  SIDE,
  type StagedFeature,
  SUBGROUPS,
  stagedLength,
  stagedWidth,
  stageFeature,
  storeSum,
  strideOf,
  unitFor,
  unitName,
  zeroSum,
} from "./matrixUnits";
import { blocksOf, declare, elementOf, repeat } from "./wgsl";

/** Channels of source and gradient that a workgroup makes the weights of. */
const CHANNELS = 2 * SIDE;
/** Rows of pixels that it takes at a time. */
const ROWS = 2;
const SOURCE: StagedFeature = { array: "tile", rows: ROWS, halo: 1, channels: CHANNELS };
const GRADIENT: StagedFeature = { array: "gradients", rows: ROWS, halo: 0, channels: CHANNELS };

/** Workgroups that keep a device busy, and the largest scratch that splits may fill. */
const GROUPS = 512;
const SCRATCH_FLOATS = 1 << 22;

/** The variants of the weight gradient for the device's matrix units. */
export function matrixWgrad(
  spec: ConvWgradSpec,
  target: Target,
  figures: (splits: number, partialFloats: number) => Pick<Kernel, "label" | "flops" | "bytes">,
): readonly Variant<PartialKernel>[] {
  const unit = unitFor(spec, target);
  // The one channel of the network's input would leave the units idle.
  if (unit === null || spec.source.channels === 1 || bytesOf(unit) > target.maxWorkgroupBytes) return [];
  const name = `matrix ${unitName(unit)} ${CHANNELS}×${CHANNELS}`;
  const build = (): PartialKernel => {
    const built = wgradKernel(spec, target, unit);
    return { ...built, ...figures(built.splits, built.partialFloats) };
  };
  return [{ name, build }];
}

/** Floats through which the sums leave the units, and the lanes' sums of the gradient meet. */
function drainLength({ m, n, lanes }: SubgroupMatrix): number {
  return SUBGROUPS * Math.max(m * n, lanes);
}

/** Workgroup memory. */
function bytesOf(unit: SubgroupMatrix): number {
  return (
    bytesOfComponent(unit) * (stagedLength(SOURCE, unit) + stagedLength(GRADIENT, unit)) +
    4 * drainLength(unit)
  );
}

/**
 * ∂weight of a 3×3 convolution on matrix units: a GEMM of [channels, pixels] · [pixels, outputs] for each tap.
 *
 * Tile: a workgroup of four subgroups makes 32 × 32 channels for all nine taps, each subgroup a quarter, whose sums it holds in
 * the units' registers while it walks over its pixels, SIDE × 2 at a time. Source (with a halo of one) and gradient are brought
 * into workgroup memory as [pixel][channel]: there the left operand of a tap is columns of the source at another offset.
 */
function wgradKernel(
  spec: ConvWgradSpec,
  target: Target,
  unit: SubgroupMatrix,
): Pick<PartialKernel, "wgsl" | "bindings" | "workgroups" | "splits" | "partialFloats"> {
  const { images, height, width, source, outChannels } = spec;
  const { m, n, k, component, lanes } = unit;
  const threads = SUBGROUPS * lanes;
  const access = featureAccess(spec, target);
  const stride = strideOf(CHANNELS, unit);
  const outBlocks = blocksOf(outChannels);
  const tilesPerRow = Math.ceil(width / SIDE);
  const tilesPerImage = tilesPerRow * Math.ceil(height / ROWS);
  const tiles = tilesPerImage * images;
  const inGroups = Math.ceil(source.channels / CHANNELS);
  const outGroups = Math.ceil(outChannels / CHANNELS);
  const partialFloats = 9 * source.channels * outChannels + (spec.bias ? outChannels : 0);
  const wanted = Math.ceil(GROUPS / (inGroups * outGroups));
  const affordable = Math.max(1, Math.floor(SCRATCH_FLOATS / partialFloats));
  const tilesPerSplit = Math.ceil(tiles / Math.min(wanted, affordable, tiles));
  const splits = Math.ceil(tiles / tilesPerSplit);
  const { text, bindings } = declare(
    [
      ...(source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", elementOf(source, access)],
      ["gradient", "read", access.read],
      ["partials", "readWrite", "vec4f"],
    ],
    access,
  );
  const gradient = { channels: outChannels, normOffset: null, relu: false };
  // A subgroup's quarter in units, for each tap.
  const down = SIDE / m;
  const across = SIDE / n;
  const sum = (tap: number, i: number, j: number): string => `sum${(tap * down + i) * across + j}`;
  const sums = Array.from({ length: 9 * down * across }, (_, index) => ({
    name: `sum${index}`,
    tap: Math.floor(index / (down * across)),
    i: Math.floor(index / across) % down,
    j: index % across,
  }));
  const tap = (index: number, first: number): string => {
    const at = (Math.floor(index / 3) * stagedWidth(SOURCE) + (index % 3) + first) * stride;
    return `{
        ${repeat(down, (i) => `let left${i} = ${loadLeft(unit, "col_major", "tile", `leftAt + ${at + i * m}u`, stride)};`)}
        ${repeat(down, (i) => repeat(across, (j) => multiplyAdd(sum(index, i, j), `left${i}`, `right${j}`)))}
      }`;
  };
  // Lanes that share the pixels of a channel in the sums of the gradient.
  const sharers = threads / CHANNELS;
  const pixelsOfSharer = (SIDE * ROWS) / sharers;
  const wgsl = `${ENABLE}${text}
var<workgroup> tile: array<${component}, ${stagedLength(SOURCE, unit)}>;
var<workgroup> gradients: array<${component}, ${stagedLength(GRADIENT, unit)}>;
var<workgroup> drained: array<f32, ${drainLength(unit)}>;
// Stores one sum of every subgroup, [channel][output] in \`drained\`: that whose first channel and block in the quarter are given.
fn drain(local: i32, split: i32, tap: i32, firstChannel: i32, firstBlock: i32) {
  for (var i = local; i < ${(SUBGROUPS * m * n) / 4}; i += ${threads}) {
    let quad = i % ${n / 4};
    let row = (i / ${n / 4}) % ${m};
    let quarter = i / ${(m * n) / 4};
    let channel = firstChannel + (quarter / 2) * ${SIDE} + row;
    let block = firstBlock + (quarter % 2) * ${SIDE / 4} + quad;
    if (channel < ${source.channels} && block < ${outBlocks}) {
      let first = 4 * i;
      partials[split * ${partialFloats / 4} + (tap * ${source.channels} + channel) * ${outBlocks} + block] =
        vec4f(drained[first], drained[first + 1], drained[first + 2], drained[first + 3]);
    }
  }
}
${mainHead(unit)}
  let inBlock = i32(group.x) * ${CHANNELS / 4};
  let outBlock = i32(group.y) * ${CHANNELS / 4};
  let split = i32(group.z);
  ${sums.map(({ name }) => `var ${name} = ${zeroSum(unit)};`).join("\n")}
  ${spec.bias ? "var biasSum = 0f;" : ""}
  for (var t = split * ${tilesPerSplit}; t < min((split + 1) * ${tilesPerSplit}, ${tiles}); t++) {
    let image = t / ${tilesPerImage};
    let left = (t % ${tilesPerRow}) * ${SIDE};
    let top = ((t % ${tilesPerImage}) / ${tilesPerRow}) * ${ROWS};
    workgroupBarrier();
    ${stageFeature(SOURCE, unit, spec, "source", source, access, "inBlock")}
    ${stageFeature(GRADIENT, unit, spec, "gradient", gradient, access, "outBlock")}
    workgroupBarrier();
    ${
      spec.bias
        ? `for (var i = 0; inBlock == 0 && i < ${pixelsOfSharer}; i++) {
      biasSum += f32(gradients[((local / ${CHANNELS}) * ${pixelsOfSharer} + i) * ${stride} + local % ${CHANNELS}]);
    }`
        : ""
    }
    ${bySubgroups(`for (var row = 0u; row < ${ROWS}u; row++) {
      let leftAt = row * ${stagedWidth(SOURCE) * stride}u + (subgroup / 2u) * ${SIDE}u;
      let rightAt = row * ${SIDE * stride}u + (subgroup % 2u) * ${SIDE}u;
      ${repeat(
        SIDE / k,
        (step) => `{
      ${repeat(across, (j) => `let right${j} = ${loadRight(unit, "gradients", `rightAt + ${step * k * stride + j * n}u`, stride)};`)}
      ${repeat(9, (index) => tap(index, step * k))}
      }`,
      )}
    }`)}
  }
  ${sums
    .map(
      ({ name, tap: index, i, j }) => `
  ${bySubgroups(storeSum("row_major", "drained", `subgroup * ${m * n}u`, name, n))}
  workgroupBarrier();
  drain(local, split, ${index}, inBlock * 4 + ${i * m}, outBlock + ${(j * n) / 4});
  workgroupBarrier();`,
    )
    .join("")}
  ${
    spec.bias
      ? `drained[local] = biasSum;
  workgroupBarrier();
  if (inBlock == 0 && local < ${CHANNELS / 4} && outBlock + local < ${outBlocks}) {
    var total = vec4f();
    for (var i = 0; i < ${sharers}; i++) {
      let first = i * ${CHANNELS} + local * 4;
      total += vec4f(drained[first], drained[first + 1], drained[first + 2], drained[first + 3]);
    }
    partials[split * ${partialFloats / 4} + ${9 * source.channels * outBlocks} + outBlock + local] = total;
  }`
      : ""
  }
}`;
  return { wgsl, bindings, workgroups: [inGroups, outGroups, splits], splits, partialFloats };
}
