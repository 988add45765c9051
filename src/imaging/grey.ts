import type { DecodedImage } from "./decode";

/**
 * Pillow's luma: ITU-R 601 weights in 16-bit fixed point (Convert.c, `L24`). The weights sum to 65536, so a 16-bit
 * image keeps its range under the same formula.
 */
const RED = 19595;
const GREEN = 38470;
const BLUE = 7471;

/**
 * 8-bit grey [height, width], byte for byte Pillow's `convert("L")`: alpha is dropped, colour weighted in fixed point.
 * 16-bit samples lose their low byte first. For RGB that is what Pillow does; 16-bit grey it clips at 255 up to version
 * 11, which turns X-rays white, and shifts like here since.
 */
export function toGrey8(image: DecodedImage): Uint8Array<ArrayBuffer> {
  const { data, channels } = image;
  const count = image.width * image.height;
  const shift = image.bits - 8;
  const out = new Uint8Array(count);
  if (channels <= 2) {
    for (let i = 0; i < count; i++) out[i] = (data[i * channels] as number) >> shift;
    return out;
  }
  for (let i = 0, at = 0; i < count; i++, at += channels) {
    const red = (data[at] as number) >> shift;
    const green = (data[at + 1] as number) >> shift;
    const blue = (data[at + 2] as number) >> shift;
    out[i] = (red * RED + green * GREEN + blue * BLUE + 0x8000) >> 16;
  }
  return out;
}

/** Grey in [0, 1], [height, width]: an 8-bit image as `toGrey8` / 255, a 16-bit one in its full precision. */
export function toGreyUnit(image: DecodedImage): Float32Array<ArrayBuffer> {
  const { data, channels } = image;
  const count = image.width * image.height;
  if (image.bits === 8) return Float32Array.from(toGrey8(image), (value) => value / 255);
  const out = new Float32Array(count);
  for (let i = 0, at = 0; i < count; i++, at += channels) {
    const red = data[at] as number;
    if (channels <= 2) out[i] = red / 65535;
    else {
      const sum = red * RED + (data[at + 1] as number) * GREEN + (data[at + 2] as number) * BLUE;
      out[i] = sum / (65536 * 65535);
    }
  }
  return out;
}
