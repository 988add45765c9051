import type { RandomStream } from "@/contracts/random";
import type { Anatomy } from "./anatomy";
import type { StrokePainter, StrokePoint } from "./canvas";
import { cos, sin } from "./exactMath";
import { diaphragmY, hilum, lungOuterX } from "./lungs";

/** First branches: direction in radians from "outwards", clockwise towards the feet, and half-width. */
const TRUNKS: readonly (readonly [number, number])[] = [
  [-1.5, 0.0055],
  [-1.15, 0.0066],
  [-0.8, 0.0058],
  [-0.4, 0.0046],
  [0, 0.005],
  [0.35, 0.0058],
  [0.7, 0.0066],
  [1, 0.0075],
  [1.25, 0.0085],
  [1.5, 0.007],
];
const STEPS = 5;
const FINEST = 0.0009;

/** Adds the pulmonary vessels, which fork and thin out from each hilum, to a map of soft tissue. */
export function paintVessels(
  anatomy: Anatomy,
  stream: RandomStream,
  painter: StrokePainter,
  map: Float32Array,
): void {
  const uniform = (low: number, high: number) => low + (high - low) * stream.nextFloat();
  const grow = (
    side: number,
    x: number,
    y: number,
    angle: number,
    halfWidth: number,
    length: number,
  ): void => {
    const points: StrokePoint[] = [];
    const bend = uniform(-0.15, 0.15);
    let direction = angle;
    let px = x;
    let py = y;
    let width = halfWidth;
    for (let i = 0; i <= STEPS; i++) {
      points.push({ x: px, y: py, halfWidth: width, amount: anatomy.vessels * 15 * width });
      px += ((side * length) / STEPS) * cos(direction);
      py += (length / STEPS) * sin(direction);
      direction += bend + uniform(-0.1, 0.1);
      width = halfWidth * (1 - (0.2 * (i + 1)) / STEPS);
    }
    painter.paint(map, points, "tube");
    const left = anatomy.apexY + 0.03 < py && py < diaphragmY(anatomy, side, Math.abs(px)) + 0.02;
    if (width < FINEST || !left || Math.abs(px) > lungOuterX(anatomy, py) - 0.02) return;
    const fork = uniform(0.35, 0.8);
    const share = uniform(0.8, 0.98);
    grow(side, px, py, direction + fork * uniform(0.3, 0.7), width * share, length * uniform(0.8, 1.05));
    grow(
      side,
      px,
      py,
      direction - fork * uniform(0.4, 0.9),
      width * uniform(0.6, 0.85),
      length * uniform(0.74, 0.98),
    );
  };
  for (const side of [-1, 1]) {
    const root = hilum(anatomy, side);
    for (const [angle, halfWidth] of TRUNKS)
      grow(
        side,
        root.x - side * 0.02 * uniform(0.2, 1.4),
        root.y + 0.055 * sin(angle) * uniform(0.6, 1.2),
        angle + uniform(-0.13, 0.13),
        halfWidth * uniform(0.85, 1.1),
        uniform(0.042, 0.07),
      );
  }
}
