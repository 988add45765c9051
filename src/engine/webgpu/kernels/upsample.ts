import { featureAccess } from "./access";
import type { Build, Extent, SourceSpec } from "./kernel";
import { blocksOf, declare, featureBytes, onLoad, pixelsOf, sizeText } from "./wgsl";

/** Height and width are the source's; the output has twice both. */
export interface UpsampleSpec extends Extent {
  readonly source: SourceSpec;
}

export interface UpsampleBackwardSpec extends Extent {
  readonly channels: number;
  readonly accumulate: boolean;
}

/** (n − 1)/(2n − 1): the source place of output place 1, so that first and last pixels meet (align_corners = true). */
const stepOf = (length: number): string => `${(length - 1) / (2 * length - 1)}f`;

/**
 * Bilinear ×2 with aligned corners (`torch.nn.Upsample`). Bindings: [norms (read)], source (read), output (readWrite).
 * A thread reads the four neighbours of one output pixel in one block of channels and writes it.
 */
export const upsample: Build<UpsampleSpec> = (spec, target) => {
  const access = featureAccess(spec, target);
  const { height, width } = spec;
  const blocks = blocksOf(spec.source.channels);
  const pixels = 4 * height * width;
  const threads = 64;
  const load = onLoad(spec.source, "block", access);
  const { text, bindings } = declare(
    [
      ...(spec.source.normOffset !== null ? [["norms", "read", "vec4f"] as const] : []),
      ["source", "read", access.read],
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  const at = (row: string, column: string): string =>
    load.of(`source[plane * ${height * width} + ${row} * ${width} + ${column}]`);
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let p = i32(group.x) * ${threads} + i32(local);
  if (p >= ${pixels}) { return; }
  let block = i32(group.y);
  let plane = i32(group.z) * ${blocks} + block;
  ${load.prepare}
  let sourceY = f32(p / ${2 * width}) * ${stepOf(height)};
  let sourceX = f32(p % ${2 * width}) * ${stepOf(width)};
  let top = i32(sourceY);
  let left = i32(sourceX);
  let bottom = min(top + 1, ${height - 1});
  let right = min(left + 1, ${width - 1});
  let down = sourceY - f32(top);
  let across = sourceX - f32(left);
  let above = mix(${at("top", "left")}, ${at("top", "right")}, across);
  let below = mix(${at("bottom", "left")}, ${at("bottom", "right")}, across);
  output[plane * ${pixels} + p] = ${access.store("mix(above, below, down)")};
}`;
  return {
    label: `upsample ${spec.source.channels} ${sizeText(spec)}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(pixels / threads), blocks, spec.images],
    flops: 36 * spec.source.channels * pixelsOf(spec),
    bytes: 5 * featureBytes(spec, spec.source.channels),
  };
};

/**
 * Its transpose as a gather: a source pixel sums the gradients of the output pixels that read it, at most six a side, with
 * the share max(0, 1 − distance). Bindings: gradient (read), output (∂source, readWrite). A thread writes (or adds to)
 * one source pixel of one block of channels.
 */
export const upsampleBackward: Build<UpsampleBackwardSpec> = (spec, target) => {
  const access = featureAccess(spec, target);
  const { height, width, channels } = spec;
  const blocks = blocksOf(channels);
  const pixels = height * width;
  const threads = 64;
  const { text, bindings } = declare(
    [
      ["gradient", "read", access.read],
      ["output", "readWrite", access.readWrite],
    ],
    access,
  );
  // Outputs whose source place is within 1 of i lie in ((i − 1)/step, (i + 1)/step), a little more than four.
  const first = (i: string, length: number): string =>
    length === 1 ? "0" : `max(0, i32(floor(f32(${i} - 1) / ${stepOf(length)})))`;
  const last = (i: string, length: number): string =>
    length === 1 ? "1" : `min(${2 * length - 1}, i32(ceil(f32(${i} + 1) / ${stepOf(length)})))`;
  const wgsl = `${text}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
  let p = i32(group.x) * ${threads} + i32(local);
  if (p >= ${pixels}) { return; }
  let plane = i32(group.z) * ${blocks} + i32(group.y);
  let y = p / ${width};
  let x = p % ${width};
  var sum = vec4f();
  for (var row = ${first("y", height)}; row <= ${last("y", height)}; row++) {
    let down = max(0, 1 - abs(f32(row) * ${stepOf(height)} - f32(y)));
    var line = vec4f();
    for (var column = ${first("x", width)}; column <= ${last("x", width)}; column++) {
      let across = max(0, 1 - abs(f32(column) * ${stepOf(width)} - f32(x)));
      line = fma(vec4f(across), ${access.load(`gradient[plane * ${4 * pixels} + row * ${2 * width} + column]`)}, line);
    }
    sum = fma(vec4f(down), line, sum);
  }
  output[plane * ${pixels} + p] = ${access.store(spec.accumulate ? `${access.loadOwn(`output[plane * ${pixels} + p]`)} + sum` : "sum")};
}`;
  return {
    label: `upsampleBackward ${channels} ${sizeText(spec)}${spec.accumulate ? " add" : ""}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(pixels / threads), blocks, spec.images],
    flops: 36 * channels * pixelsOf(spec),
    bytes: (spec.accumulate ? 6 : 5) * featureBytes(spec, channels),
  };
};
