import { corruptArchive, truncatedArchive } from "./archiveFailures";

const BLOCK = 512;
const NAME = { offset: 0, length: 100 };
const SIZE = { offset: 124, length: 12 };
const CHECKSUM = { offset: 148, length: 8 };
const TYPE_OFFSET = 156;
const PREFIX = { offset: 345, length: 155 };
/** Names and extended headers are short; a larger one is damage. */
const MAX_META_BYTES = 1024 * 1024;

/** Takes exact numbers of bytes from a stream of chunks. */
class ByteReader {
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private chunk: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.reader = stream.getReader();
  }

  /** Fills `target`, or drops that many bytes when it is only a length. False when the stream ends before. */
  async take(target: Uint8Array | number): Promise<boolean> {
    const length = typeof target === "number" ? target : target.length;
    let taken = 0;
    while (taken < length) {
      if (this.chunk.length === 0) {
        const { done, value } = await this.reader.read();
        if (done) return false;
        this.chunk = value;
        continue;
      }
      const part = this.chunk.subarray(0, length - taken);
      if (typeof target !== "number") target.set(part, taken);
      taken += part.length;
      this.chunk = this.chunk.subarray(part.length);
    }
    return true;
  }

  async cancel(): Promise<void> {
    await this.reader.cancel();
  }
}

function text(header: Uint8Array, { offset, length }: { offset: number; length: number }): string {
  const field = header.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/** Octal text, or base 256 with the top bit set (GNU, for files over 8 GiB). NaN when neither. */
function number(header: Uint8Array, field: { offset: number; length: number }): number {
  if (((header[field.offset] as number) & 0x80) !== 0) {
    let value = (header[field.offset] as number) & 0x7f;
    for (let i = 1; i < field.length; i++) value = value * 256 + (header[field.offset + i] as number);
    return value;
  }
  const digits = text(header, field).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
}

function checksumHolds(header: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) {
    const inside = i >= CHECKSUM.offset && i < CHECKSUM.offset + CHECKSUM.length;
    sum += inside ? 0x20 : (header[i] as number);
  }
  return sum === number(header, CHECKSUM);
}

/** `path` and `size` of a pax extended header: records "LENGTH KEY=VALUE\n", the length counting itself in bytes. */
function readPax(bytes: Uint8Array): { path?: string; size?: number } {
  const found: { path?: string; size?: number } = {};
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const length = Number.parseInt(new TextDecoder().decode(bytes.subarray(at, space)), 10);
    if (space < 0 || !(length > 0)) break;
    const record = new TextDecoder().decode(bytes.subarray(space + 1, at + length - 1));
    const equals = record.indexOf("=");
    const value = record.slice(equals + 1);
    if (record.slice(0, equals) === "path") found.path = value;
    if (record.slice(0, equals) === "size") found.size = Number(value);
    at += length;
  }
  return found;
}

export interface TarEntry {
  readonly path: string;
  readonly size: number;
  /** Null when the entry is larger than the caller takes. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

/**
 * The files of a tar archive (ustar, GNU long names, pax), one at a time in their order; directories and links are passed
 * over, and so are files that `wants` declines. A damaged or cut archive gives the files before the damage and then
 * throws `decode/archive`. `name` is the archive's, for failures.
 */
export async function* readTar(
  stream: ReadableStream<Uint8Array>,
  name: string,
  wants: (path: string) => boolean,
  maxBytes: number,
): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(stream);
  const take = async (target: Uint8Array | number): Promise<void> => {
    let whole: boolean;
    try {
      whole = await reader.take(target);
    } catch (cause) {
      // The decompressor tells cut and damaged data apart in its own words only.
      throw corruptArchive(name, cause);
    }
    if (!whole) throw truncatedArchive(name);
  };
  try {
    const header = new Uint8Array(BLOCK);
    let longPath: string | null = null;
    let longSize: number | null = null;
    for (;;) {
      await take(header);
      if (header.every((byte) => byte === 0)) return;
      const size = longSize ?? number(header, SIZE);
      if (!checksumHolds(header) || !Number.isSafeInteger(size)) throw corruptArchive(name);
      const padding = (BLOCK - (size % BLOCK)) % BLOCK;
      const type = String.fromCharCode(header[TYPE_OFFSET] as number);
      if (type === "L" || type === "x") {
        if (size > MAX_META_BYTES) throw corruptArchive(name);
        const meta = new Uint8Array(size);
        await take(meta);
        await take(padding);
        if (type === "L") longPath = text(meta, { offset: 0, length: size });
        else {
          const pax = readPax(meta);
          longPath = pax.path ?? longPath;
          longSize = pax.size ?? null;
        }
        continue;
      }
      const prefix = text(header, { offset: 257, length: 5 }) === "ustar" ? text(header, PREFIX) : "";
      const path = longPath ?? (prefix ? `${prefix}/` : "") + text(header, NAME);
      longPath = null;
      longSize = null;
      const isFile = type === "0" || type === "\0" || type === "7";
      if (isFile && !path.endsWith("/") && wants(path)) {
        const bytes = size <= maxBytes ? new Uint8Array(size) : null;
        await take(bytes ?? size);
        yield { path, size, bytes };
        await take(padding);
      } else await take(size + padding);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
