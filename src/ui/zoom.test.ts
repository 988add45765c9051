import { describe, expect, it } from "vitest";
import {
  clampZoom,
  MAX_SCALE,
  panBy,
  WHOLE_IMAGE,
  type Zoom,
  zoomAt,
  zoomByKey,
  zoomTransform,
} from "./zoom";

/** The image point shown at (px, py) of the view. */
const pointAt = (zoom: Zoom, px: number, py: number) => [
  zoom.x + (px - 0.5) / zoom.scale,
  zoom.y + (py - 0.5) / zoom.scale,
];

describe("zoomAt", () => {
  it("keeps the point under the pointer", () => {
    const before: Zoom = { scale: 2, x: 0.4, y: 0.55 };
    const after = zoomAt(before, 3, 0.3, 0.6);
    expect(after.scale).toBe(6);
    const [x, y] = pointAt(before, 0.3, 0.6);
    expect(pointAt(after, 0.3, 0.6)[0]).toBeCloseTo(x as number, 12);
    expect(pointAt(after, 0.3, 0.6)[1]).toBeCloseTo(y as number, 12);
  });

  it("stops at the whole image and at the largest scale", () => {
    expect(zoomAt({ scale: 2, x: 0.3, y: 0.7 }, 0.01, 0.1, 0.9)).toEqual(WHOLE_IMAGE);
    expect(zoomAt(WHOLE_IMAGE, 1e6, 0.5, 0.5).scale).toBe(MAX_SCALE);
  });
});

describe("panBy", () => {
  it("moves the image with the finger and stops at its border", () => {
    const start: Zoom = { scale: 4, x: 0.5, y: 0.5 };
    expect(panBy(start, 0.2, 0)).toEqual({ scale: 4, x: 0.45, y: 0.5 });
    expect(panBy(start, 100, -100)).toEqual({ scale: 4, x: 0.125, y: 0.875 });
    expect(panBy(WHOLE_IMAGE, 0.3, 0.3)).toEqual(WHOLE_IMAGE);
  });
});

describe("zoomTransform", () => {
  it("puts the image point (x, y) at the middle of the view", () => {
    expect(zoomTransform(WHOLE_IMAGE)).toBe("translate(0%, 0%) scale(1)");
    expect(zoomTransform({ scale: 4, x: 0.25, y: 0.75 })).toBe("translate(-50%, -250%) scale(4)");
  });
});

describe("zoomByKey", () => {
  it("zooms, pans and resets; leaves other keys to the page", () => {
    const near = clampZoom({ scale: 4, x: 0.5, y: 0.5 });
    expect(zoomByKey(near, "+")?.scale).toBe(6);
    expect(zoomByKey(near, "-")?.scale).toBeCloseTo(4 / 1.5);
    expect(zoomByKey(near, "ArrowRight")?.x).toBeGreaterThan(0.5);
    expect(zoomByKey(near, "ArrowUp")?.y).toBeLessThan(0.5);
    expect(zoomByKey(near, "0")).toEqual(WHOLE_IMAGE);
    expect(zoomByKey(near, "Tab")).toBeNull();
  });
});
