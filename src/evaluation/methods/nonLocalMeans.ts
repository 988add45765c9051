import { type DenoisingMethod, filterOf, type Picture } from "./method";

/** Patches so different that they would weigh less than e⁻⁵ are left out (as scikit-image does). */
const CUTOFF = 5;

export interface NonLocalMeansSettings {
  /** Side of a patch in pixels, odd. */
  readonly patch: number;
  /** Patches are sought up to this many pixels away in each direction. */
  readonly distance: number;
  /** Decay of the weight e^(−max(d² − 2σ², 0)/h²), d² the mean squared difference of two patches. */
  readonly h: number;
  readonly std: number;
}

/** Mirrors without repeating the border pixel: … 2 1 | 0 1 2 | 1 0 … */
function reflected(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const folded = ((index % period) + period) % period;
  return folded < length ? folded : period - folded;
}

function padded({ data, width, height }: Picture, border: number): Picture {
  const wide = width + 2 * border;
  const high = height + 2 * border;
  const out = new Float32Array(wide * high);
  for (let y = 0; y < high; y++) {
    const row = width * reflected(y - border, height);
    for (let x = 0; x < wide; x++) out[y * wide + x] = data[row + reflected(x - border, width)] as number;
  }
  return { data: out, width: wide, height: high };
}

/**
 * Non-local means (Buades, Coll & Morel, CVPR 2005) with uniform patches: for each shift, the squared differences of the
 * picture and its shifted self are summed over patches by an integral image (Froment, IPOL 2014). A shift and its opposite
 * share the sums.
 */
export function nonLocalMeansFilter(
  picture: Picture,
  settings: NonLocalMeansSettings,
): Float32Array<ArrayBuffer> {
  const { patch, distance, h, std } = settings;
  const { width, height } = picture;
  const radius = (patch - 1) / 2;
  // Room for a patch around the farthest neighbour.
  const border = radius + distance;
  const { data, width: wide, height: high } = padded(picture, border);
  const area = patch * patch;
  const scale = 1 / (h * h * area);
  const expected = 2 * std * std * area;
  const limit = CUTOFF / scale + expected;
  const integral = new Float64Array((wide + 1) * (high + 1));
  const sums = new Float64Array(wide * high);
  const weights = new Float64Array(wide * high);
  for (let down = 0; down <= distance; down++)
    for (let right = down === 0 ? 1 : -distance; right <= distance; right++) {
      const shift = down * wide + right;
      // Pairs (pixel, pixel + shift) of which one is inside the picture; their patches stay inside the border.
      const top = border - down;
      const bottom = border + height;
      const left = border - Math.max(right, 0);
      const end = border + width - Math.min(right, 0);
      for (let y = top - radius; y < bottom + radius; y++) {
        const row = (y + 1) * (wide + 1);
        let line = 0;
        const first = y === top - radius;
        if (first) integral.fill(0, y * (wide + 1), (y + 1) * (wide + 1));
        integral[row + left - radius] = 0;
        for (let x = left - radius; x < end + radius; x++) {
          const difference = (data[y * wide + x] as number) - (data[y * wide + x + shift] as number);
          line += difference * difference;
          integral[row + x + 1] = line + (integral[row - wide - 1 + x + 1] as number);
        }
      }
      for (let y = top; y < bottom; y++) {
        const above = (y - radius) * (wide + 1) - radius;
        const below = above + patch * (wide + 1);
        for (let x = left; x < end; x++) {
          const squared =
            (integral[below + x + patch] as number) -
            (integral[below + x] as number) -
            (integral[above + x + patch] as number) +
            (integral[above + x] as number);
          if (squared > limit) continue;
          const weight = squared <= expected ? 1 : Math.exp((expected - squared) * scale);
          const i = y * wide + x;
          sums[i] = (sums[i] as number) + weight * (data[i + shift] as number);
          weights[i] = (weights[i] as number) + weight;
          sums[i + shift] = (sums[i + shift] as number) + weight * (data[i] as number);
          weights[i + shift] = (weights[i + shift] as number) + weight;
        }
      }
    }
  const out = new Float32Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = (y + border) * wide + x + border;
      out[y * width + x] = ((sums[i] as number) + (data[i] as number)) / ((weights[i] as number) + 1);
    }
  return out;
}

export const nonLocalMeans: DenoisingMethod = {
  name: "nlm",
  title: "Non-local means",
  settings: "7×7 patches, sought up to 10 pixels away, h = 0.6·σ, patch distances less 2σ²",
  denoise: filterOf((picture, std) =>
    nonLocalMeansFilter(picture, { patch: 7, distance: 10, h: 0.6 * std, std }),
  ),
};
