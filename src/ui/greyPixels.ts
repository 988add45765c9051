/**
 * Grey values as opaque RGBA bytes for a canvas. Bytes are taken as they are; floats are read as [0, 1] and clamped.
 * `rgba` holds four bytes a pixel.
 */
export function greyToRgba(data: Uint8Array | Float32Array, rgba: Uint8ClampedArray): void {
  const scale = data instanceof Float32Array ? 255 : 1;
  for (let i = 0; i < data.length; i++) {
    // Uint8ClampedArray rounds and clamps.
    const value = (data[i] as number) * scale;
    const at = i * 4;
    rgba[at] = value;
    rgba[at + 1] = value;
    rgba[at + 2] = value;
    rgba[at + 3] = 255;
  }
}
