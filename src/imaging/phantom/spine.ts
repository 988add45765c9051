import type { Anatomy } from "./anatomy";
import { smoothStep } from "./exactMath";

const PITCH = 0.051;

/** Adds vertebral bodies, pedicles and spinous processes to one row of the bone map. */
export function addSpineRow(
  anatomy: Anatomy,
  y: number,
  x0: number,
  dx: number,
  count: number,
  out: Float32Array,
  offset: number,
): void {
  const phase = (y - anatomy.apexY) / PITCH + 40.35;
  const inside = phase - Math.floor(phase);
  const neck = smoothStep(0.12, 0, y);
  const halfWidth = (0.034 + 0.008 * smoothStep(0.2, 1, y)) * (1 - 0.12 * neck);
  // Bodies with brighter end plates; discs between them; a waist in the middle of each body.
  const disc = 1 - smoothStep(0.06, 0.12, inside) * smoothStep(0.94, 0.88, inside);
  const plate =
    smoothStep(0.06, 0.12, inside) * smoothStep(0.24, 0.14, inside) +
    smoothStep(0.94, 0.88, inside) * smoothStep(0.76, 0.86, inside);
  const edge = halfWidth * (1 - 0.1 * (1 - 4 * (inside - 0.5) * (inside - 0.5)));
  const body = anatomy.bone * (0.085 - 0.035 * disc + 0.022 * plate);
  const centre = -anatomy.turn;
  const first = Math.max(Math.floor((centre - 0.06 - x0) / dx), 0);
  const last = Math.min(Math.ceil((centre + 0.06 - x0) / dx), count - 1);
  for (let i = first; i <= last; i++) {
    const x = x0 + i * dx - centre;
    const distance = Math.abs(x);
    const rim = 1 + 0.25 * smoothStep(edge * 0.75, edge * 0.93, distance);
    let bone = body * rim * smoothStep(edge + 0.003, edge - 0.004, distance);
    const px = (distance - halfWidth * 0.62) / 0.0075;
    const py = (inside - 0.34) / 0.17;
    const pedicle = px * px + py * py;
    if (pedicle < 1.6)
      bone += anatomy.bone * 0.05 * smoothStep(1.6, 0.9, pedicle) * smoothStep(0.05, 0.7, pedicle);
    const sx = x / 0.007;
    const sy = (inside - 0.72) / 0.26;
    const spinous = sx * sx + sy * sy;
    if (spinous < 1) bone += anatomy.bone * 0.07 * (1 - spinous);
    const j = offset + i;
    out[j] = (out[j] as number) + bone;
  }
}
