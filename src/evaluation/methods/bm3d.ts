import { LabError } from "@/contracts/failure";
import { collaborate, type Stage } from "./bm3d/stage";
import { biorthogonalTransform, cosineTransform } from "./bm3d/transforms";
import { type DenoisingMethod, filterOf, type Picture } from "./method";

/** The method's own scale: its parameters are given for grey levels of 255. */
const LEVELS = 255;
/** Above this σ (grey levels) patches are larger, and compared after a first threshold. */
const STRONG = 40;
/** Thresholds in units of σ: of the stacked coefficients (weak and strong noise), and of those compared. */
const THRESHOLD = { weak: 2.7, strong: 2.8, match: 2 } as const;

/** Sets coefficients below `threshold` to zero; groups that keep fewer weigh more. */
function hardThreshold(threshold: number): Stage["filter"] {
  return (group, _guide, values) => {
    let kept = 0;
    for (let i = 0; i < values; i++)
      if (Math.abs(group[i] as number) < threshold) group[i] = 0;
      else kept++;
    return 1 / Math.max(kept, 1);
  };
}

/** Scales each coefficient by g²/(g² + σ²), g the basic estimate's. */
function wiener(variance: number): Stage["filter"] {
  return (group, guide, values) => {
    let power = 0;
    for (let i = 0; i < values; i++) {
      const energy = ((guide as Float32Array)[i] as number) ** 2;
      const factor = energy / (energy + variance);
      group[i] = (group[i] as number) * factor;
      power += factor * factor;
    }
    return 1 / Math.max(power, Number.MIN_VALUE);
  };
}

/** The basic estimate: groups of up to 16 noisy patches, hard threshold. */
export function basicEstimate(picture: Picture, std: number): Picture {
  const strong = std * LEVELS > STRONG;
  const transform = strong ? cosineTransform(12) : biorthogonalTransform();
  const data = collaborate(picture, {
    transform,
    step: strong ? 4 : 3,
    most: 16,
    matchLimit: (strong ? 5000 : 2500) / LEVELS ** 2,
    match: {
      picture,
      transform: strong ? transform : null,
      threshold: strong ? THRESHOLD.match * std : 0,
    },
    guide: null,
    filter: hardThreshold((strong ? THRESHOLD.strong : THRESHOLD.weak) * std),
  });
  return { ...picture, data };
}

/**
 * BM3D (Dabov, Foi, Katkovnik & Egiazarian, IEEE Trans. Image Processing 16, 2007), both stages, with the paper's parameters
 * for weak and for strong noise (σ above 40 of 255). Pictures of at least 12×12 pixels; fails with `shape/bm3d`.
 */
export function bm3dFilter(picture: Picture, std: number): Float32Array<ArrayBuffer> {
  const strong = std * LEVELS > STRONG;
  if (picture.width < 12 || picture.height < 12)
    throw new LabError(
      "shape/bm3d",
      `BM3D of a ${picture.width}×${picture.height} picture: its patches have up to 12×12 pixels.`,
      "Use larger pictures.",
    );
  const basic = basicEstimate(picture, std);
  const transform = cosineTransform(strong ? 11 : 8);
  return collaborate(picture, {
    transform,
    step: strong ? 6 : 3,
    most: 32,
    matchLimit: (strong ? 3500 : 400) / LEVELS ** 2,
    // The transform is orthonormal: differences of coefficients are those of pixels, and the first say most.
    match: { picture: basic, transform, threshold: 0 },
    guide: basic,
    filter: wiener(std * std),
  });
}

export const bm3d: DenoisingMethod = {
  name: "bm3d",
  title: "BM3D",
  settings: "both stages; parameters of Dabov et al. 2007 for σ up to 40 of 255 and above",
  denoise: filterOf(bm3dFilter),
};
