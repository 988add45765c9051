import type { Anatomy } from "./anatomy";
import { clamp01, roundedEdge, smoothStep } from "./exactMath";

/** Height, in body lengths, of the rib cage's widest place, whatever the breath. */
const BASE_Y = 0.76;
const APEX_X = 0.145;
const HILUM_X = 0.078;

/** Distance of the lung's outer wall from the midline at height y. */
export function lungOuterX(anatomy: Anatomy, y: number): number {
  const { apexY, chestHalfWidth } = anatomy;
  const q = clamp01((BASE_Y - y) / (BASE_Y - apexY));
  return APEX_X + (chestHalfWidth - APEX_X) * Math.sqrt(1 - q * q * q);
}

function lungInnerX(anatomy: Anatomy, y: number): number {
  const q = clamp01((anatomy.apexY + 0.17 - y) / 0.17);
  return 0.02 + (APEX_X - 0.02) * (1 - Math.sqrt(1 - q * q));
}

/** Height of the diaphragm at distance `x` from the midline. */
export function diaphragmY(anatomy: Anatomy, side: number, x: number): number {
  const peak = side < 0 ? 0.165 : 0.19;
  const dome = anatomy.domeY[side < 0 ? 0 : 1];
  if (x < peak) {
    const t = (peak - x) / peak;
    return dome + 0.03 * t * t;
  }
  const t = (x - peak) / (anatomy.chestHalfWidth - peak);
  const t2 = t * t;
  return dome + 0.06 * t2 + 0.05 * t2 * t2;
}

export function hilum(anatomy: Anatomy, side: number): { x: number; y: number } {
  return { x: side * HILUM_X, y: anatomy.apexY + (side < 0 ? 0.275 : 0.255) };
}

/** Borders of heart and mediastinum at one height: what lies between them is tissue instead of lung. */
export interface MediastinumRow {
  readonly y: number;
  readonly left: number;
  readonly right: number;
  /** Distance from the border over which the tissue reaches its full depth. */
  readonly rounding: number;
}

/**
 * The cardiac silhouette. Patient's right (image left): superior vena cava, right atrium. Patient's left: aortic arch
 * (a blob of its own), the waist, and the left ventricle, which swings out to the apex above the diaphragm.
 */
export function mediastinumRow(anatomy: Anatomy, y: number): MediastinumRow {
  const { apexY, turn, heartRight, heartLeft, domeY, waist } = anatomy;
  const arch = apexY + 0.19;
  const upper = 0.026 * smoothStep(arch - 0.03, apexY - 0.02, y);
  const fromAtrium = (y - domeY[0] + 0.105) / 0.16;
  const bulge = clamp01(1 - fromAtrium * fromAtrium);
  // Above its widest place the atrium tapers into the vena cava; below it turns in to the diaphragm.
  const atrium = fromAtrium < 0 ? bulge * (1.35 - 0.35 * bulge) : Math.sqrt(bulge);
  const cava = 0.055 + upper;
  const right = cava + (heartRight - cava) * atrium;
  const waistX = waist + upper * 0.6;
  const top = arch + 0.045;
  const heartApex = domeY[1] - 0.07;
  const t = clamp01((y - top) / (heartApex - top));
  const belowApex = Math.max(y - heartApex, 0) / 0.105;
  const swing = t * (1.3 + 0.2 * t - 0.5 * t * t) * Math.sqrt(clamp01(1 - belowApex * belowApex));
  const left = waistX + (heartLeft - waistX) * swing;
  return {
    y,
    left: turn - right,
    right: turn + left,
    rounding: 0.04 + 0.08 * smoothStep(arch + 0.02, heartApex - 0.1, y),
  };
}

/** Fraction 0 … 1 of the depth at (x, row.y) that is heart, great vessels or mediastinum. */
function occupied(anatomy: Anatomy, row: MediastinumRow, x: number, soft: number): number {
  const { aorticKnob, apexY, turn } = anatomy;
  const y = row.y;
  let free = 1;
  const inside = Math.min(x - row.left, row.right - x);
  if (inside > 0)
    free *= 1 - 0.3 * smoothStep(0, soft * 4, inside) - 0.64 * roundedEdge(inside / row.rounding);
  const arch = apexY + 0.19;
  free *= 1 - blob(x - 0.036 - turn, y - arch, aorticKnob, aorticKnob * 1.2, soft, 0.75);
  free *= 1 - blob(x - 0.04 - turn, y - arch - 0.08, 0.036, 0.05, soft * 2, 0.45);
  free *= 1 - haze(x + HILUM_X, y - apexY - 0.285, 0.065, 0.105, 0.42);
  free *= 1 - haze(x - HILUM_X, y - apexY - 0.262, 0.065, 0.095, 0.42);
  return 1 - free;
}

function blob(dx: number, dy: number, rx: number, ry: number, soft: number, amount: number): number {
  const q2 = (dx * dx) / (rx * rx) + (dy * dy) / (ry * ry);
  if (q2 >= 1) return 0;
  const depth = 1 - Math.sqrt(q2);
  return amount * (0.35 * smoothStep(0, (2 * soft) / rx, depth) + 0.65 * roundedEdge(depth / 0.8));
}

/** A soft-edged ellipse. */
function haze(dx: number, dy: number, rx: number, ry: number, amount: number): number {
  const inside = 1 - (dx * dx) / (rx * rx) - (dy * dy) / (ry * ry);
  return inside > 0 ? amount * inside * inside : 0;
}

/** Air in the beam's way, 0 … about 1 (a whole hemithorax), for one row of pixels. `soft`: half-width of crisp edges. */
export function lungAirRow(
  anatomy: Anatomy,
  y: number,
  x0: number,
  dx: number,
  count: number,
  soft: number,
  out: Float32Array,
  offset: number,
): void {
  const outer = lungOuterX(anatomy, y);
  const inner = lungInnerX(anatomy, y);
  const row = mediastinumRow(anatomy, y);
  const depth = 0.68 + 0.32 * smoothStep(anatomy.apexY, anatomy.apexY + 0.3, y);
  for (let i = 0; i < count; i++) {
    const x = x0 + i * dx;
    const distance = Math.abs(x);
    if (y < anatomy.apexY || distance >= outer || distance <= inner) {
      out[offset + i] = 0;
      continue;
    }
    const above = diaphragmY(anatomy, x < 0 ? -1 : 1, distance) - y;
    // Below the dome a little lung lies behind it (posterior recess).
    const recess = 0.1 * (1 - smoothStep(0, 0.11, -above));
    const edge = smoothStep(-soft, soft, above);
    const base = recess + edge * (0.3 - recess + 0.7 * roundedEdge(above / 0.2));
    const sides = roundedEdge((outer - distance) / 0.1) * roundedEdge((distance - inner) / 0.06);
    out[offset + i] = base <= 0 ? 0 : depth * base * sides * (1 - occupied(anatomy, row, x, soft));
  }
}
