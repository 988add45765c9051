import type { Anatomy } from "./anatomy";
import { clamp01, cos, roundedEdge, sin, smoothStep } from "./exactMath";

/** Height, in body lengths, of the rib cage's widest place, whatever the breath. */
const BASE_Y = 0.76;
const APEX_X = 0.145;
const HILUM_X = 0.078;
const HEART_AXIS_ANGLE = 0.62;

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
    return dome + 0.04 * t * t;
  }
  const t = (x - peak) / (anatomy.chestHalfWidth - peak);
  const t2 = t * t;
  return dome + 0.05 * t2 + 0.075 * t2 * t2 * t;
}

export function hilum(anatomy: Anatomy, side: number): { x: number; y: number } {
  return { x: side * HILUM_X, y: anatomy.apexY + (side < 0 ? 0.275 : 0.255) };
}

/** What of a hemithorax is filled with heart and mediastinum instead of lung, at one height. */
export interface MediastinumRow {
  readonly y: number;
  readonly left: number;
  readonly right: number;
}

export function mediastinumRow(anatomy: Anatomy, y: number): MediastinumRow {
  const { apexY, turn, heartY } = anatomy;
  const arch = apexY + 0.17;
  // Wide behind the sternum above the arch, a waist below it, then the heart takes over.
  const upper = 0.052 + 0.02 * smoothStep(arch - 0.02, apexY - 0.02, y);
  const lower = 0.012 * smoothStep(arch + 0.1, heartY, y);
  return { y, left: -upper - lower * 0.5 + turn, right: upper - 0.008 + lower + turn };
}

/** Fraction 0 … 1 of the depth at (x, row.y) that is heart, great vessels or mediastinum. */
function occupied(anatomy: Anatomy, row: MediastinumRow, x: number, soft: number): number {
  const { heartX, heartY, heartLong, heartShort, aorticKnob, apexY, turn } = anatomy;
  const y = row.y;
  let free = 1;
  const inside = Math.min(x - row.left, row.right - x);
  if (inside > 0) free *= 1 - 0.3 * smoothStep(0, soft * 2, inside) - 0.68 * roundedEdge(inside / 0.05);
  const ex = x - heartX - turn;
  const ey = y - heartY;
  const along = (ex * HEART_COS + ey * HEART_SIN) / heartLong;
  const across = (ey * HEART_COS - ex * HEART_SIN) / heartShort;
  const heart2 = along * along + across * across;
  if (heart2 < 1) {
    const depth = 1 - Math.sqrt(heart2);
    free *= 1 - 0.3 * smoothStep(0, (soft * 2) / heartShort, depth) - 0.64 * roundedEdge(depth / 0.55);
  }
  const arch = apexY + 0.19;
  free *= 1 - blob(x - 0.034 - turn, y - arch, aorticKnob, aorticKnob * 1.15, soft, 0.72);
  free *= 1 - blob(x - 0.044 - turn, y - arch - 0.085, 0.034, 0.045, soft, 0.5);
  free *= 1 - blob(x + 0.05 - turn, y - arch - 0.17, 0.03, 0.1, soft, 0.4);
  free *= 1 - blob(x + HILUM_X, y - apexY - 0.285, 0.034, 0.06, 0.02, 0.3);
  free *= 1 - blob(x - HILUM_X, y - apexY - 0.262, 0.032, 0.055, 0.02, 0.3);
  // The descending aorta, a faint line left of the spine.
  if (y > arch) free *= 1 - 0.22 * smoothStep(0.05 + soft, 0.05 - soft, Math.abs(x - 0.008 + turn));
  return 1 - free;
}

const HEART_COS = cos(HEART_AXIS_ANGLE);
const HEART_SIN = sin(HEART_AXIS_ANGLE);

function blob(dx: number, dy: number, rx: number, ry: number, soft: number, amount: number): number {
  const q2 = (dx * dx) / (rx * rx) + (dy * dy) / (ry * ry);
  if (q2 >= 1) return 0;
  const depth = 1 - Math.sqrt(q2);
  return amount * (0.35 * smoothStep(0, (2 * soft) / rx, depth) + 0.65 * roundedEdge(depth / 0.8));
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
