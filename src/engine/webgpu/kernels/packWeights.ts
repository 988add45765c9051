import type { Kernel, Prelude, SubgroupMatrix } from "./kernel";
import { SIDE } from "./matrixUnits";
import { declare } from "./wgsl";

/** Weights of a convolution as its matrix kernel takes them. */
export interface PackedWeights {
  readonly component: SubgroupMatrix["component"];
  /** Of the whole convolution: the weights are HWIO [taps, inChannels, outChannels]; 9 taps or 4. */
  readonly taps: 9 | 4;
  readonly inChannels: number;
  readonly outChannels: number;
  /** ∂source: contracted over the output channels, for input channels from `firstChannel` on; 9 taps run backwards. */
  readonly turned: boolean;
  readonly firstChannel: number;
  /** Channels of each part of the contraction, which begins a block of SIDE of its own. */
  readonly contracted: readonly number[];
  /** Channels made. */
  readonly made: number;
}

/** Blocks of SIDE channels. */
export function sidesOf(channels: number): number {
  return Math.ceil(channels / SIDE);
}

const THREADS = 64;

/**
 * Copies weights into the operands of matrix units: [tap][block contracted][block made][made: SIDE][contracted: SIDE], in the
 * units' type, 0 behind the last channel. So each operand is one run of memory that a subgroup loads straight into its
 * registers, and the kernel stages no weights. A thread writes one row of 16 numbers; neighbours read neighbouring weights
 * where the convolution is not turned.
 *
 * Bindings: weights (f32, read), packed (of the units' type, readWrite; written whole).
 */
export function packWeights(spec: PackedWeights): Prelude {
  const { component, taps, inChannels, outChannels, turned, firstChannel, contracted, made } = spec;
  const begins = [0];
  for (const channels of contracted) begins.push((begins.at(-1) as number) + sidesOf(channels));
  const chunks = begins.at(-1) as number;
  const groups = sidesOf(made);
  const rows = taps * chunks * groups * SIDE;
  const numbers = rows * SIDE;
  const size = component === "f16" ? 2 : 4;
  const { text, bindings } = declare(
    [
      ["weights", "read", "f32"],
      ["packed", "readWrite", component],
    ],
    { enable: component === "f16" ? "enable f16;\n" : "", helpers: "" },
  );
  // Where the channels of a block contracted begin, and how many there are.
  const parts = contracted
    .map((channels, part) => {
      const before = contracted.slice(0, part).reduce((sum, each) => sum + each, 0);
      const begin = begins[part] as number;
      return `if (chunk >= ${begin}) { first = ${before} + (chunk - ${begin}) * ${SIDE}; end = ${before + channels}; }`;
    })
    .join("\n  ");
  const at = turned
    ? `((${taps === 9 ? "8 - tap" : "tap"}) * ${inChannels} + ${firstChannel} + column) * ${outChannels} + first + i`
    : `(tap * ${inChannels} + first + i) * ${outChannels} + column`;
  const wgsl = `${text}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let row = i32(group.x) * ${THREADS} + i32(index);
  if (row >= ${rows}) { return; }
  let column = row % ${groups * SIDE};
  let chunk = (row / ${groups * SIDE}) % ${chunks};
  let tap = row / ${chunks * groups * SIDE};
  var first = 0;
  var end = 0;
  ${parts}
  for (var i = 0; i < ${SIDE}; i++) {
    var value = 0f;
    if (first + i < end && column < ${made}) { value = weights[${at}]; }
    packed[row * ${SIDE} + i] = ${component}(value);
  }
}`;
  const kernel: Kernel = {
    label: `packWeights ${taps} × ${contracted.join("+")}→${made}${turned ? ` of ${inChannels} turned` : ""} ${component}`,
    wgsl,
    bindings,
    workgroups: [Math.ceil(rows / THREADS), 1, 1],
    flops: 0,
    bytes: 4 * taps * made * contracted.reduce((sum, channels) => sum + channels, 0) + size * numbers,
  };
  return { kernel, bytes: size * numbers };
}
