import { type FeatureAccess, featureAccess } from "./access";
import type { Build, Extent, SourceSpec } from "./kernel";
import { blocksOf, declare, featureBytes, onLoad, pixelsOf, repeat, sizeText } from "./wgsl";

/** Height and width are the source's, both even. */
export interface MaxPoolSpec extends Extent {
  readonly source: SourceSpec;
}

export interface MaxPoolBackwardSpec extends MaxPoolSpec {
  readonly accumulate: boolean;
}

/** Thread per pooled pixel and block: `index` of the pooled vec4, `v0`…`v3` the four values seen, `s` the first stored one. */
function head(spec: MaxPoolSpec, access: FeatureAccess, threads: number): string {
  const blocks = blocksOf(spec.source.channels);
  const width = spec.width / 2;
  const pixels = (spec.height / 2) * width;
  const load = onLoad(spec.source, "block", access);
  return `@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let p = i32(group.x) * ${threads} + i32(local);
  if (p >= ${pixels}) { return; }
  let block = i32(group.y);
  let plane = i32(group.z) * ${blocks} + block;
  let index = plane * ${pixels} + p;
  let s = plane * ${4 * pixels} + (p / ${width}) * ${2 * spec.width} + (p % ${width}) * 2;
  ${load.prepare}
  ${repeat(4, (i) => `let v${i} = ${load.of(`source[s + ${(i >> 1) * spec.width + (i & 1)}]`)};`)}`;
}

const grid = (spec: MaxPoolSpec, threads: number): readonly [number, number, number] => [
  Math.ceil((spec.height * spec.width) / 4 / threads),
  blocksOf(spec.source.channels),
  spec.images,
];

/**
 * Maximum of 2×2, stride 2. Bindings: [norms (read)], source (read), output (readWrite). A thread reads four values
 * of one block of channels and writes one.
 */
export const maxPool: Build<MaxPoolSpec> = (spec, target) => {
  const access = featureAccess(spec, target);
  const threads = 64;
  const { text, bindings } = declare(
    [
      ...(spec.source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", access.read],
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  return {
    label: `maxPool ${spec.source.channels} ${sizeText(spec)}`,
    wgsl: `${text}\n${head(spec, access, threads)}
  output[index] = ${access.store("max(max(v0, v1), max(v2, v3))")};
}`,
    bindings,
    workgroups: grid(spec, threads),
    flops: spec.source.channels * pixelsOf(spec),
    bytes: 1.25 * featureBytes(spec, spec.source.channels),
  };
};

/**
 * Its backward: the gradient goes to the first of the four that equals the maximum, in reading order as in PyTorch; the
 * others get zero. The four are seen again through the on-load transform instead of being saved. Bindings: [norms (read)],
 * source (read), gradient (of the pooled values, read), output (∂source, readWrite). A thread reads four values and
 * one gradient and writes (or adds to) four.
 */
export const maxPoolBackward: Build<MaxPoolBackwardSpec> = (spec, target) => {
  const access = featureAccess(spec, target);
  const threads = 64;
  const { text, bindings } = declare(
    [
      ...(spec.source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", access.read],
      ["gradient", "read", access.read],
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  const offset = (i: number): number => (i >> 1) * spec.width + (i & 1);
  const put = (place: number, value: string): string => {
    const at = `output[s + ${offset(place)}]`;
    return `${at} = ${access.store(spec.accumulate ? `${access.loadOwn(at)} + ${value}` : value)};`;
  };
  return {
    label: `maxPoolBackward ${spec.source.channels} ${sizeText(spec)}${spec.accumulate ? " add" : ""}`,
    wgsl: `${text}\n${head(spec, access, threads)}
  let most = max(max(v0, v1), max(v2, v3));
  let g = ${access.load("gradient[index]")};
  var left = g;
  ${repeat(3, (i) => `{ let here = select(vec4f(), left, v${i} == most); left -= here; ${put(i, "here")} }`)}
  ${put(3, "left")}
}`,
    bindings,
    workgroups: grid(spec, threads),
    flops: 2 * spec.source.channels * pixelsOf(spec),
    bytes: (spec.accumulate ? 3.25 : 2.25) * featureBytes(spec, spec.source.channels),
  };
};
