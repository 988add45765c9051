import type { Anatomy } from "./anatomy";
import { exp, log } from "./exactMath";

/** Line integral of attenuation through a whole chest without lungs, at the tube voltages of chest radiography. */
const CHEST_ATTENUATION = 3.2;
const STEPS = 512;
const MAX_THICKNESS = 2.5;

/**
 * Grey level of each thickness (in whole chests): Beer–Lambert, I = exp(−μ·thickness) + scatter; then the display curve
 * of a radiograph, a sigmoid of the logarithmic exposure, dense parts bright. A table with linear interpolation.
 */
export class Film {
  private readonly levels: Float64Array;

  constructor(anatomy: Anatomy) {
    const { midpoint, gain, scatter } = anatomy;
    this.levels = Float64Array.from({ length: STEPS + 2 }, (_, i) => {
      const thickness = (i / STEPS) * MAX_THICKNESS;
      const exposure = (exp(-CHEST_ATTENUATION * thickness) + scatter) / (1 + scatter);
      const e = -log(exposure);
      return (gain * e * e) / (e * e + midpoint * midpoint);
    });
  }

  /** 0 (black) … 255. */
  level(thickness: number): number {
    const position = Math.min(Math.max(thickness, 0), MAX_THICKNESS) * (STEPS / MAX_THICKNESS);
    const i = Math.floor(position);
    const low = this.levels[i] as number;
    const grey = low + ((this.levels[i + 1] as number) - low) * (position - i);
    return Math.min(Math.max(Math.round(grey), 0), 255);
  }
}
