/**
 * Where a zoomable view looks: `scale` 1 shows the whole image, and (x, y) is the image point at the middle of the view,
 * both in [0, 1]. Being relative, one state serves linked views of any size.
 */
export interface Zoom {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export const WHOLE_IMAGE: Zoom = { scale: 1, x: 0.5, y: 0.5 };
export const MAX_SCALE = 32;

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** Keeps the scale in [1, 32] and the view inside the image. */
export function clampZoom({ scale, x, y }: Zoom): Zoom {
  const bounded = clamp(scale, 1, MAX_SCALE);
  const half = 0.5 / bounded;
  return { scale: bounded, x: clamp(x, half, 1 - half), y: clamp(y, half, 1 - half) };
}

/** Zooms by `factor`; the image point under (px, py), fractions of the view, stays where it is. */
export function zoomAt(zoom: Zoom, factor: number, px: number, py: number): Zoom {
  const scale = clamp(zoom.scale * factor, 1, MAX_SCALE);
  return clampZoom({
    scale,
    x: zoom.x + (px - 0.5) * (1 / zoom.scale - 1 / scale),
    y: zoom.y + (py - 0.5) * (1 / zoom.scale - 1 / scale),
  });
}

/** Moves the image by (dx, dy), fractions of the view: positive is right and down, as a finger drags it. */
export function panBy(zoom: Zoom, dx: number, dy: number): Zoom {
  return clampZoom({ scale: zoom.scale, x: zoom.x - dx / zoom.scale, y: zoom.y - dy / zoom.scale });
}

/** The CSS transform of a layer that covers the view, with its origin at the top left. */
export function zoomTransform({ scale, x, y }: Zoom): string {
  return `translate(${(0.5 - x * scale) * 100}%, ${(0.5 - y * scale) * 100}%) scale(${scale})`;
}

const KEY_ZOOM = 1.5;
const KEY_PAN = 0.15;

/** What a key does to a view, or null when it does nothing there. */
export function zoomByKey(zoom: Zoom, key: string): Zoom | null {
  switch (key) {
    case "+":
    case "=":
      return zoomAt(zoom, KEY_ZOOM, 0.5, 0.5);
    case "-":
    case "_":
      return zoomAt(zoom, 1 / KEY_ZOOM, 0.5, 0.5);
    case "0":
      return WHOLE_IMAGE;
    case "ArrowLeft":
      return panBy(zoom, KEY_PAN, 0);
    case "ArrowRight":
      return panBy(zoom, -KEY_PAN, 0);
    case "ArrowUp":
      return panBy(zoom, 0, KEY_PAN);
    case "ArrowDown":
      return panBy(zoom, 0, -KEY_PAN);
    default:
      return null;
  }
}
