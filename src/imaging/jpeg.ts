// Inlined, so that one path serves the browser (no fetch, whatever the policy) and Node.
import moduleUrl from "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm?url&inline";
import decode, { init } from "@jsquash/jpeg/decode";
import type { DecodedImage } from "./decode";
import { checkPixelCount, corrupt, truncated, unsupported } from "./decodeFailures";

const MARKER = { soi: 0xd8, eoi: 0xd9, sos: 0xda, dht: 0xc4, jpg: 0xc8, dac: 0xcc, tem: 0x01 } as const;
/** Arithmetic coding is rare, and the decoder is built without it. */
const FIRST_ARITHMETIC_FRAME = 0xc9;

export function isJpeg(head: Uint8Array): boolean {
  return head[0] === 0xff && head[1] === MARKER.soi && head[2] === 0xff;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: number;
}

const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== MARKER.dht && marker !== MARKER.jpg && marker !== MARKER.dac;

/**
 * Walks the markers to the end of the image: checks the size before decoding, and that the file is whole, because
 * libjpeg fills the missing part of a truncated file with grey without a word.
 */
function readFrame(bytes: Uint8Array, name: string): Frame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: Frame | null = null;
  let offset = 2;
  for (;;) {
    // Between segments a marker follows; after SOS, entropy-coded bytes are passed over until one does.
    while (offset + 1 < bytes.length && !(bytes[offset] === 0xff && isMarker(bytes[offset + 1] as number)))
      offset++;
    if (offset + 1 >= bytes.length) throw truncated(name, bytes.length);
    const marker = bytes[offset + 1] as number;
    offset += 2;
    if (marker === MARKER.eoi) {
      if (!frame) throw corrupt(name, "it holds no image");
      return frame;
    }
    if (marker === MARKER.soi || marker === MARKER.tem) continue;
    if (offset + 2 > bytes.length) throw truncated(name, bytes.length);
    const length = view.getUint16(offset);
    if (offset + length > bytes.length) throw truncated(name, bytes.length);
    if (isFrame(marker) && !frame) frame = readFrameHeader(view, offset, length, marker, name);
    if (marker === MARKER.sos && !frame) throw corrupt(name, "its pixels come before its header");
    offset += length;
  }
}

function isMarker(byte: number): boolean {
  return byte !== 0x00 && byte !== 0xff && !isRestart(byte);
}

function readFrameHeader(
  view: DataView,
  offset: number,
  length: number,
  marker: number,
  name: string,
): Frame {
  if (length < 8) throw corrupt(name, "its header is too short");
  const precision = view.getUint8(offset + 2);
  const height = view.getUint16(offset + 3);
  const width = view.getUint16(offset + 5);
  const components = view.getUint8(offset + 7);
  checkPixelCount(width, height, name);
  if (precision !== 8) throw unsupported(name, `a JPEG of ${precision} bits`);
  if (components !== 1 && components !== 3)
    throw unsupported(name, `a JPEG of ${components} components (CMYK)`);
  if (marker === 0xc3 || marker >= FIRST_ARITHMETIC_FRAME)
    throw unsupported(name, "a lossless or arithmetic-coded JPEG");
  return { width, height, components };
}

let ready: Promise<void> | null = null;

async function load(): Promise<void> {
  const base64 = moduleUrl.slice(moduleUrl.indexOf(",") + 1);
  const code = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const compiled = await WebAssembly.compile(code);
  await init({
    instantiateWasm(imports: WebAssembly.Imports, callback: (instance: WebAssembly.Instance) => void) {
      const instance = new WebAssembly.Instance(compiled, imports);
      callback(instance);
      return instance.exports;
    },
    // What libjpeg complains about reaches the user as a failure, not the console.
    printErr: () => undefined,
  });
}

/**
 * Baseline and progressive JPEG through libjpeg (accurate integer DCT, smooth chroma upsampling: the same bytes as
 * Pillow). The EXIF orientation is not applied, as in Pillow. Failures as in `decodeImage`.
 */
export async function decodeJpeg(bytes: Uint8Array, name: string): Promise<DecodedImage> {
  const { width, height, components } = readFrame(bytes, name);
  ready ??= load();
  await ready;
  let rgba: Uint8ClampedArray;
  try {
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
    const image = await decode(buffer as ArrayBuffer);
    rgba = image.data;
  } catch (cause) {
    // The codec may be left in the middle of an image: the next file gets a fresh one.
    ready = null;
    throw corrupt(name, "its pixels do not unpack", cause);
  }
  if (rgba.length !== width * height * 4) throw corrupt(name, "it holds too few pixels");
  const channels = components === 1 ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < channels; c++) data[i * channels + c] = rgba[i * 4 + c] as number;
  return { width, height, channels, bits: 8, data };
}
