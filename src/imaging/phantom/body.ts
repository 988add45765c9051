import type { Anatomy } from "./anatomy";
import { armPoint } from "./bones";
import { clamp01, roundedEdge, smoothStep } from "./exactMath";

/** Soft tissue in the beam's way (1: a whole chest), lungs not yet taken out, for one row of pixels. */
export function bodyRow(
  anatomy: Anatomy,
  y: number,
  x0: number,
  dx: number,
  count: number,
  out: Float32Array,
  offset: number,
): void {
  const { chestHalfWidth, wall, neckHalfWidth, shoulderY, breast, breastY } = anatomy;
  const torsoHalfWidth =
    chestHalfWidth + wall + 0.012 * smoothStep(0.6, 1, y) + 0.055 * smoothStep(0.52, 0.28, y);
  const depth = 0.66 + 0.32 * smoothStep(0.05, 0.5, y) + 0.26 * smoothStep(0.6, 0.95, y);
  const neck = 0.62 + 0.1 * smoothStep(0.02, -0.15, y);
  const arm = armRow(anatomy, y);
  const shoulderSpan = chestHalfWidth * 1.06 + 0.045 - neckHalfWidth;
  for (let i = 0; i < count; i++) {
    const x = x0 + i * dx;
    const distance = Math.abs(x);
    // Trapezius: steep beside the neck, then sloping to the shoulder.
    const s = clamp01((distance - neckHalfWidth) / shoulderSpan);
    const topY = shoulderY - 0.02 + 0.11 * (0.55 * Math.sqrt(s) + 0.45 * s);
    const q = distance / torsoHalfWidth;
    const q2 = q * q;
    let torso = q < 1 ? depth * Math.sqrt(1 - q2 * q2 * q2) * roundedEdge((y - topY) / 0.13) : 0;
    const n = distance / (neckHalfWidth + 0.02 * smoothStep(-0.02, 0.1, y));
    if (n < 1 && y < 0.3) {
      const column = neck * Math.sqrt(1 - n * n) * smoothStep(0.3, 0.1, y);
      torso = Math.sqrt(torso * torso + column * column * (1 - clamp01(torso)));
    }
    const a = (distance - arm.x) / arm.halfWidth;
    const limb = a > -1 && a < 1 ? arm.depth * Math.sqrt(1 - a * a) : 0;
    let tissue = Math.sqrt(Math.sqrt(torso * torso * torso * torso + limb * limb * limb * limb));
    if (breast > 0 && tissue > 0) {
      const bx = (distance - 0.195) / 0.15;
      const by = (y - breastY) / (y > breastY ? 0.1 : 0.2);
      const b2 = bx * bx + by * by;
      if (b2 < 1) tissue += breast * Math.sqrt(1 - b2) * (0.5 + 0.5 * (1 - b2));
    }
    out[offset + i] = tissue;
  }
}

/** The arm at one height: distance of its axis from the midline, half-width and depth; none above the shoulder. */
function armRow(anatomy: Anatomy, y: number): { x: number; halfWidth: number; depth: number } {
  const top = armPoint(anatomy, 0);
  const bottom = armPoint(anatomy, 1);
  const t = (y - top.y) / (bottom.y - top.y);
  const shoulder = roundedEdge((y - (top.y - 0.085)) / 0.12);
  return {
    x: top.x + (bottom.x - top.x) * Math.max(t, 0),
    halfWidth: Math.max((0.088 - 0.012 * clamp01(t)) * shoulder, 1e-6),
    depth: 0.58 * shoulder,
  };
}
