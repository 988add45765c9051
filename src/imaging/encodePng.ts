import { encode } from "fast-png";
import { LabError } from "@/contracts/failure";

const MAX_16_BIT = 65535;

/** A 16-bit grey PNG of [height, width] brightness; values are clamped to [0, 1] (NaN to 0) and rounded to 1/65535. */
export function encodePng16(width: number, height: number, data: Float32Array): Uint8Array<ArrayBuffer> {
  requirePixels(width, height, data.length);
  const levels = new Uint16Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    levels[i] = value > 0 ? Math.round(Math.min(value, 1) * MAX_16_BIT) : 0;
  }
  return new Uint8Array(encode({ width, height, data: levels, depth: 16, channels: 1 }));
}

/** An 8-bit grey PNG of [height, width] levels. */
export function encodePng8(width: number, height: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  requirePixels(width, height, data.length);
  return new Uint8Array(encode({ width, height, data, depth: 8, channels: 1 }));
}

function requirePixels(width: number, height: number, length: number): void {
  if (width < 1 || height < 1 || length !== width * height)
    throw new LabError(
      "shape/png",
      `${length} values are not an image of ${width}×${height} pixels.`,
      "Pass exactly width × height values.",
    );
}
