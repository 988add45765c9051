import { featureAccess } from "./access";
import type { Extent, Kernel, SourceSpec, Target, Variant } from "./kernel";
import { type Figures, type MatrixGeometry, type MatrixTile, matrixVariants } from "./matrixKernel";

/** Four outputs a pixel: a quarter of the pixels of a convolution's tile fill as many registers. */
const TILES: readonly MatrixTile[] = [
  { rows: 4, outputs: 64 },
  { rows: 4, outputs: 128 },
  { rows: 2, outputs: 64 },
  { rows: 4, outputs: 32 },
];

/** Four pixels staged for a pixel made: channels share them. */
const BACKWARD_TILES: readonly MatrixTile[] = [
  { rows: 4, outputs: 128 },
  { rows: 4, outputs: 64 },
  { rows: 2, outputs: 64 },
  { rows: 4, outputs: 32 },
];

const TAPS = Array.from({ length: 4 }, (_, index) => ({ index, dy: index >> 1, dx: index & 1 }));

/** Every tap reads the same pixel and makes an output of its own. */
const FORWARD: MatrixGeometry = {
  halo: 0,
  stride: 1,
  taps: TAPS.map(({ index }) => ({ index, dy: 0, dx: 0, output: index })),
  outputs: 4,
};

/** Every tap reads one of the 2×2 pixels that a pixel became. */
const BACKWARD: MatrixGeometry = {
  halo: 0,
  stride: 2,
  taps: TAPS.map((tap) => ({ ...tap, output: 0 })),
  outputs: 1,
};

/** The variants of the transposed convolution 2×2 for the device's matrix units; see `matrixKernel`. */
export function matrixUpconv(
  spec: Extent & { readonly source: SourceSpec; readonly outChannels: number },
  target: Target,
  figures: Figures,
): readonly Variant<Kernel>[] {
  const { source, outChannels } = spec;
  const access = featureAccess(spec, target);
  const product = {
    ...spec,
    geometry: FORWARD,
    access,
    sources: [{ name: "source", source }],
    weights: { taps: 4, inChannels: source.channels, outChannels, turned: false, firstChannel: 0 },
    before: [["bias", "read", "vec4f"]],
    after: [["output", "readWrite", access.readWrite]],
    store: `output[to] = ${access.store("value + bias[block]")};`,
  } as const;
  return matrixVariants(product, target, figures, TILES);
}

/** The variants of its ∂source: a convolution 2×2 of stride 2 over the gradient. */
export function matrixUpconvDgrad(
  spec: Extent & { readonly channels: number; readonly outChannels: number; readonly accumulate: boolean },
  target: Target,
  figures: Figures,
): readonly Variant<Kernel>[] {
  const { channels, outChannels, accumulate } = spec;
  const access = featureAccess(spec, target);
  const product = {
    ...spec,
    geometry: BACKWARD,
    access,
    outChannels: channels,
    sources: [{ name: "gradient", source: { channels: outChannels, normOffset: null, relu: false } }],
    weights: { taps: 4 as const, inChannels: channels, outChannels, turned: true, firstChannel: 0 },
    before: [],
    after: [["output", "readWrite", access.readWrite] as const],
    store: `output[to] = ${access.store(accumulate ? `${access.loadOwn("output[to]")} + value` : "value")};`,
  };
  return matrixVariants(product, target, figures, BACKWARD_TILES);
}
