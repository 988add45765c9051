import type { Anatomy } from "./anatomy";
import type { StrokePainter, StrokePoint } from "./canvas";
import { cos, sin, smoothStep } from "./exactMath";
import { lungOuterX } from "./lungs";

const RIB_PAIRS = 11;
const RIB_SAMPLES = 40;
const DEGREE = Math.PI / 180;

/** Adds ribs, clavicles, shoulder girdle and humeri to the map of bone attenuation. */
export function paintBones(anatomy: Anatomy, painter: StrokePainter, map: Float32Array): void {
  for (const side of [-1, 1]) {
    for (let rib = 0; rib < RIB_PAIRS; rib++) painter.paint(map, ribPoints(anatomy, side, rib), "bone");
    painter.paint(map, claviclePoints(anatomy, side), "bone");
    for (const stroke of shoulderStrokes(anatomy, side)) painter.paint(map, stroke, "bone");
  }
}

/**
 * A rib as a tilted ring: from the spine backwards and outwards (posterior part, sharp), round the side and downwards
 * to the front (anterior part, wider and fainter), where cartilage ends it.
 */
function ribPoints(anatomy: Anatomy, side: number, rib: number): StrokePoint[] {
  const { apexY, ribSpacing, ribDrop, ribHalfWidth, bone, turn } = anatomy;
  const startY = apexY + 0.004 + rib * ribSpacing;
  // The upper ribs are short rings; the lower ones slope more.
  const drop = ribDrop * (rib === 0 ? 0.42 : rib === 1 ? 0.68 : 0.82 + 0.035 * rib);
  const sideY = startY + drop * 0.5;
  const outer = lungOuterX(anatomy, sideY) + ribHalfWidth * 0.55;
  const root = 0.036;
  const end = rib < 8 ? (rib === 0 ? 125 : 152 - 2.5 * rib) : 118 - 12 * (rib - 8);
  const points: StrokePoint[] = [];
  for (let i = 0; i <= RIB_SAMPLES; i++) {
    const angle = (4 + ((end - 4) * i) / RIB_SAMPLES) * DEGREE;
    const s = sin(angle);
    const front = (1 - cos(angle)) / 2;
    const s4 = s * s * s * s;
    const x = side * (root + (outer - root) * s) + turn * (2 * front - 1) * 0.8;
    // The neck of a rib first rises a little beside the spine.
    const y = startY + drop * front - 0.03 * s * (1 - front) + 0.012 * front * front * s;
    points.push({
      x,
      y,
      halfWidth: ribHalfWidth * (0.86 + 0.3 * front),
      amount:
        bone *
        (0.13 - 0.048 * front) *
        (1 + 0.7 * s4 * s4) *
        smoothStep(1, 0.86, i / RIB_SAMPLES) *
        smoothStep(-0.04, 0.1, i / RIB_SAMPLES),
    });
  }
  return points;
}

function claviclePoints(anatomy: Anatomy, side: number): StrokePoint[] {
  const { clavicleY, clavicleRise, chestHalfWidth, bone, turn } = anatomy;
  const inner = 0.026;
  const outer = chestHalfWidth * 1.06;
  const points: StrokePoint[] = [];
  for (let i = 0; i <= 28; i++) {
    const t = i / 28;
    // An S: convex forward near the sternum, the other way near the shoulder.
    const wave = 0.016 * sin(6.1 * t);
    points.push({
      x: side * (inner + (outer - inner) * t) + turn * 1.4,
      y: clavicleY - clavicleRise * (1.5 * t - 0.5 * t * t) - wave,
      halfWidth: 0.0125 + 0.007 * (1 - t) * (1 - t) * (1 - t) + 0.003 * t * t,
      amount: bone * 0.165 * (0.85 + 0.15 * t),
    });
  }
  return points;
}

/** Where the shoulder joint is. */
export function shoulderJoint(anatomy: Anatomy): { x: number; y: number } {
  return {
    x: anatomy.chestHalfWidth * 1.06 + 0.03,
    y: anatomy.clavicleY - anatomy.clavicleRise + 0.055,
  };
}

/** A point of the arm's axis, t from 0 (joint) to 1 (elbow, usually outside the image). */
export function armPoint(anatomy: Anatomy, t: number): { x: number; y: number } {
  const joint = shoulderJoint(anatomy);
  return { x: joint.x + 0.02 + (0.05 + 0.3 * anatomy.armAngle) * t, y: joint.y + 0.01 + 0.62 * t };
}

function shoulderStrokes(anatomy: Anatomy, side: number): StrokePoint[][] {
  const { bone, chestHalfWidth } = anatomy;
  const joint = shoulderJoint(anatomy);
  const at = (x: number, y: number, halfWidth: number, amount: number): StrokePoint => ({
    x: side * x,
    y,
    halfWidth,
    amount: bone * amount,
  });
  const head = armPoint(anatomy, 0);
  const shaft = [0, 0.12, 0.25, 0.5, 1].map((t, i) => {
    const p = armPoint(anatomy, t);
    return at(
      p.x,
      p.y,
      [0.043, 0.03, 0.021, 0.019, 0.02][i] as number,
      [0.1, 0.12, 0.16, 0.17, 0.17][i] as number,
    );
  });
  const angleX = chestHalfWidth * 0.98;
  const angleY = joint.y + 0.255;
  return [
    [at(head.x + 0.002, head.y - 0.004, 0.042, 0.09), at(head.x + 0.004, head.y + 0.004, 0.042, 0.09)],
    shaft,
    // Acromion and scapular spine.
    [
      at(joint.x + 0.035, joint.y - 0.05, 0.014, 0.08),
      at(joint.x - 0.01, joint.y - 0.046, 0.012, 0.08),
      at(joint.x - 0.07, joint.y - 0.012, 0.009, 0.06),
      at(joint.x - 0.12, joint.y + 0.02, 0.006, 0.03),
    ],
    // Coracoid, glenoid neck.
    [at(joint.x - 0.045, joint.y - 0.012, 0.013, 0.08), at(joint.x - 0.02, joint.y - 0.022, 0.011, 0.08)],
    [at(joint.x - 0.022, joint.y - 0.02, 0.011, 0.08), at(joint.x - 0.02, joint.y + 0.03, 0.012, 0.07)],
    // Lateral border down to the inferior angle, then the medial border.
    [
      at(joint.x - 0.025, joint.y + 0.03, 0.012, 0.09),
      at((joint.x + angleX) / 2 - 0.015, (joint.y + angleY) / 2, 0.008, 0.07),
      at(angleX, angleY, 0.008, 0.05),
    ],
    [
      at(angleX, angleY, 0.006, 0.04),
      at(angleX - 0.035, angleY - 0.09, 0.005, 0.03),
      at(joint.x - 0.135, joint.y + 0.03, 0.005, 0.03),
      at(joint.x - 0.115, joint.y - 0.015, 0.005, 0.025),
    ],
    // The thin blade between the borders.
    [
      at(joint.x - 0.08, joint.y + 0.02, 0.05, 0.028),
      at((angleX + joint.x) / 2 - 0.05, angleY - 0.1, 0.034, 0.028),
      at(angleX - 0.01, angleY - 0.02, 0.014, 0.024),
    ],
  ];
}
