import { type DenoisingMethod, filterOf, type Picture } from "./method";

/** Ends when the cost changes by less than this share of its first value, or after this many steps. */
const TOLERANCE = 2e-4;
const MAX_STEPS = 200;
/** Chambolle's step length, 1/(2·dimensions). */
const STEP = 0.25;

/**
 * Minimises ‖out − image‖² / 2 + weight · TV(out), isotropic, by Chambolle's projection (J. Math. Imaging Vision 20, 2004),
 * with the steps and the stopping rule of scikit-image's `denoise_tv_chambolle`.
 */
export function totalVariationFilter(
  { data, width, height }: Picture,
  weight: number,
): Float32Array<ArrayBuffer> {
  const size = data.length;
  const down = new Float64Array(size);
  const right = new Float64Array(size);
  const out = Float64Array.from(data);
  let firstCost = 0;
  let lastCost = 0;
  for (let step = 0; step < MAX_STEPS; step++) {
    let cost = 0;
    if (step > 0)
      for (let y = 0, i = 0; y < height; y++)
        for (let x = 0; x < width; x++, i++) {
          let divergence = -(down[i] as number) - (right[i] as number);
          if (y > 0) divergence += down[i - width] as number;
          if (x > 0) divergence += right[i - 1] as number;
          cost += divergence * divergence;
          out[i] = (data[i] as number) + divergence;
        }
    let variation = 0;
    for (let y = 0, i = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) {
        const here = out[i] as number;
        const slopeDown = y < height - 1 ? (out[i + width] as number) - here : 0;
        const slopeRight = x < width - 1 ? (out[i + 1] as number) - here : 0;
        const norm = Math.sqrt(slopeDown * slopeDown + slopeRight * slopeRight);
        variation += norm;
        const scale = 1 + (norm * STEP) / weight;
        down[i] = ((down[i] as number) - STEP * slopeDown) / scale;
        right[i] = ((right[i] as number) - STEP * slopeRight) / scale;
      }
    cost = (cost + weight * variation) / size;
    if (step === 0) firstCost = cost;
    else if (Math.abs(lastCost - cost) < TOLERANCE * firstCost) break;
    lastCost = cost;
  }
  return Float32Array.from(out);
}

export const totalVariation: DenoisingMethod = {
  name: "tv",
  title: "Total variation",
  settings: "Chambolle's projection, weight 1.5·σ",
  // Near the best on generated phantoms.
  denoise: filterOf((picture, std) => totalVariationFilter(picture, 1.5 * std)),
};
