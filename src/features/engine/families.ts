/** Operations that are looked at together, in the order of a legend. */
export const FAMILIES = {
  convForward: { label: "Convolution", what: "3×3 convolutions, forward", colour: "var(--lab-series-1)" },
  convDgrad: {
    label: "Convolution dgrad",
    what: "gradients of what 3×3 convolutions read",
    colour: "var(--lab-series-2)",
  },
  convWgrad: {
    label: "Convolution wgrad",
    what: "gradients of 3×3 convolutions' weights",
    colour: "var(--lab-series-3)",
  },
  wgradSum: {
    label: "Wgrad sums",
    what: "second pass of weight gradients: partial sums are added",
    colour: "color-mix(in srgb, var(--lab-series-3) 50%, var(--lab-surface))",
  },
  upconv: {
    label: "Transposed convolution",
    what: "2×2 upsampling convolutions, forward and gradients",
    colour: "var(--lab-series-6)",
  },
  norm: {
    label: "BatchNorm",
    what: "statistics, and gradients through the normalisation",
    colour: "var(--lab-series-4)",
  },
  resample: {
    label: "Pooling, upsampling",
    what: "max-pooling and bilinear upsampling, with gradients",
    colour: "var(--lab-series-5)",
  },
  head: {
    label: "Output and loss",
    what: "the last 1×1 convolution or the difference that ends the network, with the loss",
    colour: "var(--lab-ink)",
  },
  other: { label: "Other", what: "everything else", colour: "var(--mantine-color-dimmed)" },
} as const;

export type Family = keyof typeof FAMILIES;

/** How names of operations begin; the first that fits counts. */
const BEGINNINGS: readonly (readonly [beginning: string, family: Family])[] = [
  ["convForward", "convForward"],
  ["convDgrad", "convDgrad"],
  ["convWgrad", "convWgrad"],
  ["sumSplits", "wgradSum"],
  ["upconv", "upconv"],
  ["norm", "norm"],
  ["maxPool", "resample"],
  ["upsample", "resample"],
  ["head", "head"],
  ["residual", "head"],
  ["loss", "head"],
];

/** The family of a kernel (`convForward 16→32 64×64×4`). */
export function familyOf(kernel: string): Family {
  return BEGINNINGS.find(([beginning]) => kernel.startsWith(beginning))?.[1] ?? "other";
}

export type Direction = "forward" | "backward";

/** The direction of a dispatch, from its label: gradients are named so, everything else runs forward. */
export function directionOf(label: string): Direction {
  return /\b(backward|dgrad|wgrad)\b/.test(label) ? "backward" : "forward";
}
