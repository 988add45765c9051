import type { Anatomy } from "./anatomy";
import type { StrokePainter, StrokePoint } from "./canvas";

/** The trachea's air column, slightly to the patient's right at the arch, and the main bronchi; stomach gas. */
export function paintAirways(anatomy: Anatomy, painter: StrokePainter, map: Float32Array): void {
  const { apexY, turn, gastricBubble, domeY } = anatomy;
  const carina = apexY + 0.215;
  const at = (x: number, y: number, halfWidth: number, amount: number): StrokePoint => ({
    x: x + turn * 0.3,
    y,
    halfWidth,
    amount,
  });
  painter.paint(
    map,
    [
      at(0, -0.2, 0.0195, 0.2),
      at(0, apexY, 0.0185, 0.2),
      at(-0.006, carina - 0.03, 0.0175, 0.17),
      at(-0.004, carina, 0.015, 0.12),
    ],
    "tube",
  );
  painter.paint(
    map,
    [
      at(-0.004, carina - 0.012, 0.013, 0.03),
      at(-0.05, carina + 0.055, 0.011, 0.09),
      at(-0.075, carina + 0.1, 0.008, 0.03),
    ],
    "tube",
  );
  painter.paint(
    map,
    [
      at(-0.002, carina - 0.008, 0.011, 0.03),
      at(0.045, carina + 0.045, 0.01, 0.06),
      at(0.078, carina + 0.07, 0.008, 0.03),
    ],
    "tube",
  );
  if (gastricBubble > 0) {
    // Gas under the left dome, flat below where it meets fluid.
    const y = domeY[1] + 0.052;
    const width = 0.03 * gastricBubble;
    painter.paint(
      map,
      [
        at(0.105, y, width * 0.7, 0.14),
        at(0.14, y - 0.012, width, 0.24),
        at(0.185, y - 0.014, width * 1.1, 0.26),
        at(0.215, y, width * 0.75, 0.14),
      ],
      "tube",
    );
  }
}

/** The lead letter that says which side is the patient's left. */
export function paintMarker(anatomy: Anatomy, painter: StrokePainter, map: Float32Array): void {
  const x = 0.36 / anatomy.zoom;
  const y = 0.5 - 0.42 / anatomy.zoom;
  const at = (dx: number, dy: number): StrokePoint => ({
    x: x + dx,
    y: y + dy,
    halfWidth: 0.0042,
    amount: 1.2,
  });
  painter.paint(map, [at(0, -0.02), at(0, 0.02), at(0.022, 0.02)], "tube");
}
