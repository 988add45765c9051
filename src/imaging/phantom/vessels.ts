import type { RandomStream } from "@/contracts/random";
import type { Anatomy } from "./anatomy";
import type { StrokePainter, StrokePoint } from "./canvas";
import { cos, sin } from "./exactMath";
import { diaphragmY, hilum, lungOuterX } from "./lungs";

/** First branches: direction in radians from "outwards", clockwise towards the feet, and half-width. */
const TRUNKS: readonly (readonly [number, number])[] = [
  [-1.25, 0.0075],
  [-0.85, 0.0065],
  [-0.4, 0.005],
  [0.05, 0.0055],
  [0.45, 0.0065],
  [0.8, 0.008],
  [1.1, 0.0095],
  [1.38, 0.008],
];
const STEPS = 5;
const FINEST = 0.0011;

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
    const bend = uniform(-0.12, 0.12);
    let direction = angle;
    let px = x;
    let py = y;
    let width = halfWidth;
    for (let i = 0; i <= STEPS; i++) {
      points.push({ x: px, y: py, halfWidth: width, amount: anatomy.vessels * 13 * width });
      px += ((side * length) / STEPS) * cos(direction);
      py += (length / STEPS) * sin(direction);
      direction += bend + uniform(-0.07, 0.07);
      width = halfWidth * (1 - (0.3 * (i + 1)) / STEPS);
    }
    painter.paint(map, points, "tube");
    const left = anatomy.apexY + 0.03 < py && py < diaphragmY(anatomy, side, Math.abs(px)) + 0.02;
    if (width < FINEST || !left || Math.abs(px) > lungOuterX(anatomy, py) - 0.02) return;
    const fork = uniform(0.28, 0.6);
    const share = uniform(0.7, 0.92);
    grow(side, px, py, direction + fork * uniform(0.3, 0.7), width * share, length * uniform(0.72, 0.98));
    grow(
      side,
      px,
      py,
      direction - fork * uniform(0.4, 0.9),
      width * uniform(0.6, 0.85),
      length * uniform(0.7, 0.95),
    );
  };
  for (const side of [-1, 1]) {
    const root = hilum(anatomy, side);
    for (const [angle, halfWidth] of TRUNKS)
      grow(
        side,
        root.x - side * 0.012,
        root.y + 0.03 * sin(angle),
        angle + uniform(-0.13, 0.13),
        halfWidth * uniform(0.85, 1.1),
        uniform(0.06, 0.085),
      );
  }
}
