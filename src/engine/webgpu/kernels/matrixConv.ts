import { featureAccess } from "./access";
import type { ConvDgradSpec, ConvForwardSpec, Kernel, Target, Variant } from "./kernel";
import { type Figures, type MatrixGeometry, type MatrixTile, matrixVariants } from "./matrixKernel";

/** Large ones load less, small ones keep a device busy where images are small, and need less memory; the tuner chooses. */
const TILES: readonly MatrixTile[] = [
  { rows: 8, outputs: 128 },
  { rows: 16, outputs: 64 },
  { rows: 8, outputs: 64 },
  { rows: 4, outputs: 64 },
  { rows: 4, outputs: 32 },
  { rows: 2, outputs: 64 },
];

/** 3×3, columns of taps first: the taps of a column share rows. */
const GEOMETRY: MatrixGeometry = {
  halo: 1,
  stride: 1,
  taps: Array.from({ length: 9 }, (_, turn) => {
    const [dx, dy] = [Math.floor(turn / 3), turn % 3];
    return { index: 3 * dy + dx, dy, dx, output: 0 };
  }),
  outputs: 1,
};

/** The variants of the forward convolution for the device's matrix units; see `matrixKernel`. */
export function matrixForward(
  spec: ConvForwardSpec,
  target: Target,
  figures: Figures,
): readonly Variant<Kernel>[] {
  const { sources, outChannels } = spec;
  // A contraction over the one channel of the network's input would leave the units idle.
  if (sources.some(({ channels }) => channels === 1)) return [];
  const access = featureAccess(spec, target);
  const inChannels = sources.reduce((sum, { channels }) => sum + channels, 0);
  const value = "value + bias[block]";
  const product = {
    ...spec,
    geometry: GEOMETRY,
    access,
    sources: sources.map((source, index) => ({ name: `source${index}`, source })),
    weights: { taps: 9, inChannels, outChannels, turned: false, firstChannel: 0 },
    before: [["bias", "read", "vec4f"]],
    after: [["output", "readWrite", access.readWrite]],
    store: `output[to] = ${access.store(spec.relu ? `max(vec4f(), ${value})` : value)};`,
  } as const;
  return matrixVariants(product, target, figures, TILES);
}

/** The variants of ∂source: the forward convolution of the gradient with the weight turned by 180°. */
export function matrixDgrad(
  spec: ConvDgradSpec,
  target: Target,
  figures: Figures,
): readonly Variant<Kernel>[] {
  const { inChannels, firstChannel, channels, outChannels } = spec;
  const access = featureAccess(spec, target);
  const passed = spec.mask ? `select(vec4f(), value, ${access.load("mask[to]")} > vec4f())` : "value";
  const value = spec.accumulate ? `${access.loadOwn("output[to]")} + ${passed}` : passed;
  const product = {
    ...spec,
    geometry: GEOMETRY,
    access,
    outChannels: channels,
    sources: [{ name: "gradient", source: { channels: outChannels, normOffset: null, relu: false } }],
    weights: { taps: 9 as const, inChannels, outChannels, turned: true, firstChannel },
    before: [],
    after: [
      ...(spec.mask ? [["mask", "read", access.read] as const] : []),
      ["output", "readWrite", access.readWrite] as const,
    ],
    store: `output[to] = ${access.store(value)};`,
  };
  return matrixVariants(product, target, figures, TILES);
}
