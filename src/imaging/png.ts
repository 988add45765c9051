import type { DecodedImage } from "./decode";
import { checkPixelCount, corrupt, truncated, unsupported } from "./decodeFailures";
import { readScanlines, type Scanlines, scanlineBytes } from "./pngRows";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const CHUNK_OVERHEAD = 12;
const IHDR_BYTES = 13;
const COLOUR_PALETTE = 3;
const COLOURS = 256;
/** Channels and depths by colour type (PNG specification, table 11.1). */
const LAYOUTS: Readonly<
  Record<number, { readonly channels: 1 | 2 | 3 | 4; readonly depths: readonly number[] }>
> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  3: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

function crc32(bytes: Uint8Array, start: number, end: number): number {
  let c = 0xffffffff;
  for (let i = start; i < end; i++) c = (CRC_TABLE[(c ^ (bytes[i] as number)) & 0xff] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

export function isPng(head: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => head[i] === byte);
}

interface Header extends Scanlines {
  readonly channels: 1 | 2 | 3 | 4;
  readonly palette: boolean;
}

function chunkType(bytes: Uint8Array, offset: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + 4));
}

/** Reads IHDR and refuses what it must before anything is inflated. */
function readHeader(bytes: Uint8Array, view: DataView, name: string): Header {
  if (bytes.length < SIGNATURE.length + CHUNK_OVERHEAD + IHDR_BYTES) throw truncated(name, bytes.length);
  if (view.getUint32(8) !== IHDR_BYTES || chunkType(bytes, 12) !== "IHDR")
    throw corrupt(name, "it does not begin with its header");
  if (view.getUint32(29) !== crc32(bytes, 12, 29)) throw corrupt(name, "its header fails the checksum");
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  const depth = view.getUint8(24);
  const colourType = view.getUint8(25);
  const interlacing = view.getUint8(28);
  const layout = LAYOUTS[colourType];
  if (!layout?.depths.includes(depth) || view.getUint16(26) !== 0 || interlacing > 1)
    throw unsupported(name, `a PNG of an unknown kind (colour type ${colourType}, ${depth} bits)`);
  checkPixelCount(width, height, name);
  return {
    width,
    height,
    depth,
    channels: layout.channels,
    interlaced: interlacing === 1,
    palette: colourType === COLOUR_PALETTE,
  };
}

interface Chunks {
  readonly data: readonly Uint8Array[];
  readonly palette: Uint8Array | null;
  readonly transparency: Uint8Array | null;
}

/**
 * Walks the file to its end and checks the chunks that decide pixels. Others (text, profiles, animation) are passed over,
 * so damage in them does no harm.
 */
function readChunks(bytes: Uint8Array, view: DataView, name: string): Chunks {
  const data: Uint8Array[] = [];
  let palette: Uint8Array | null = null;
  let transparency: Uint8Array | null = null;
  let offset = SIGNATURE.length;
  for (;;) {
    if (offset + CHUNK_OVERHEAD > bytes.length) throw truncated(name, bytes.length);
    const type = chunkType(bytes, offset + 4);
    if (!/^[A-Za-z]{4}$/.test(type)) throw corrupt(name, `no chunk begins at byte ${offset}`);
    const end = offset + CHUNK_OVERHEAD + view.getUint32(offset);
    if (end > bytes.length) throw truncated(name, bytes.length);
    const body = bytes.subarray(offset + 8, end - 4);
    if (type === "IDAT" || type === "PLTE" || type === "tRNS") {
      if (view.getUint32(end - 4) !== crc32(bytes, offset + 4, end - 4))
        throw corrupt(name, `its ${type} chunk at byte ${offset} fails the checksum`);
      if (type === "IDAT") data.push(body);
      else if (type === "PLTE") palette = body;
      else transparency = body;
    }
    if (type === "IEND") return { data, palette, transparency };
    offset = end;
  }
}

/** Inflates to exactly `length` bytes and never holds more, whatever the stream claims. */
async function inflate(parts: readonly Uint8Array[], length: number, name: string): Promise<Uint8Array> {
  const out = new Uint8Array(length);
  let filled = 0;
  const packed = new ReadableStream<BufferSource>({
    start(controller) {
      for (const part of parts) controller.enqueue(part as Uint8Array<ArrayBuffer>);
      controller.close();
    },
  });
  const reader = packed.pipeThrough(new DecompressionStream("deflate")).getReader();
  try {
    while (filled < length) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, length - filled);
      out.set(part, filled);
      filled += part.length;
    }
  } catch (cause) {
    throw corrupt(name, "its pixels do not unpack", cause);
  }
  // What follows the last pixel is of no interest, nor is damage in it.
  reader.cancel().catch(() => undefined);
  if (filled < length) throw corrupt(name, `it holds ${filled} of ${length} bytes of pixels`);
  return out;
}

/** Palette indices → RGB, or RGBA when a tRNS chunk gave alphas. An index beyond the palette is black, as in Pillow. */
function resolvePalette(
  indices: Uint8Array | Uint16Array,
  palette: Uint8Array,
  transparency: Uint8Array | null,
): { channels: 3 | 4; data: Uint8Array } {
  const channels = transparency ? 4 : 3;
  const table = new Uint8Array(COLOURS * channels);
  for (let i = 0; i < COLOURS; i++) {
    for (let c = 0; c < 3; c++) table[i * channels + c] = palette[i * 3 + c] ?? 0;
    if (transparency) table[i * channels + 3] = transparency[i] ?? 255;
  }
  const data = new Uint8Array(indices.length * channels);
  for (let i = 0; i < indices.length; i++)
    for (let c = 0; c < channels; c++)
      data[i * channels + c] = table[(indices[i] as number) * channels + c] as number;
  return { channels, data };
}

/** PNG of any colour type, depth and interlacing. Failures as in `decodeImage`. */
export async function decodePng(bytes: Uint8Array, name: string): Promise<DecodedImage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(bytes, view, name);
  const { width, height, depth, channels } = header;
  const chunks = readChunks(bytes, view, name);
  const raw = await inflate(chunks.data, scanlineBytes(header), name);
  const data = readScanlines(raw, header);
  if (!data) throw corrupt(name, "a row names a filter that does not exist");
  if (header.palette) {
    if (!chunks.palette) throw corrupt(name, "its palette is missing");
    return { width, height, bits: 8, ...resolvePalette(data, chunks.palette, chunks.transparency) };
  }
  if (depth < 8) {
    const step = 255 / ((1 << depth) - 1);
    for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) * step;
  }
  return { width, height, channels, bits: depth === 16 ? 16 : 8, data };
}
