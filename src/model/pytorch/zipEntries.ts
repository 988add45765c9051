import { corrupt, truncated } from "./failures";

/** End of central directory, its 64-bit form and locator, and an entry of the directory. */
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const IN_64 = 0xffff_ffff;

/**
 * The files of a zip as views of its bytes, by name. Only stored ones, as PyTorch writes them: it aligns tensors to be
 * mapped into memory. Failures: `weights/corrupt`, `weights/truncated`.
 */
export function storedZipEntries(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { count, start } = directory(view);
  const entries = new Map<string, Uint8Array>();
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== CENTRAL)
      throw corrupt("the directory of its archive is damaged");
    const method = view.getUint16(at + 10, true);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const name = new TextDecoder().decode(bytes.slice(at + 46, at + 46 + nameLength));
    if (method !== 0) throw corrupt(`${name} is compressed, which PyTorch does not do`);
    const sizes = { size: view.getUint32(at + 24, true), offset: view.getUint32(at + 42, true) };
    const extra = at + 46 + nameLength;
    const { size, offset } = wide(view, extra, extraLength, sizes, view.getUint32(at + 20, true));
    if (offset + 30 > bytes.length || view.getUint32(offset, true) !== LOCAL)
      throw corrupt(`${name} is not where its directory says`);
    const data = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
    if (data + size > bytes.length) throw truncated(`${name} has ${size} bytes`);
    entries.set(name, bytes.subarray(data, data + size));
    at = extra + extraLength + view.getUint16(at + 32, true);
  }
  return entries;
}

function directory(view: DataView): { count: number; start: number } {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= 0 && at >= last - MAX_COMMENT_BYTES; at--) {
    if (view.getUint32(at, true) !== END) continue;
    const count = view.getUint16(at + 10, true);
    const start = view.getUint32(at + 16, true);
    const locator = at - 20;
    if (locator < 0 || view.getUint32(locator, true) !== LOCATOR_64) return { count, start };
    const end64 = Number(view.getBigUint64(locator + 8, true));
    if (end64 + 56 > view.byteLength || view.getUint32(end64, true) !== END_64)
      throw corrupt("the directory of its archive is damaged");
    return {
      count: Number(view.getBigUint64(end64 + 32, true)),
      start: Number(view.getBigUint64(end64 + 48, true)),
    };
  }
  throw truncated("the directory at the end of its archive is missing");
}

/** Size and offset of an entry, from its zip64 field where they do not fit 32 bits. */
function wide(
  view: DataView,
  extra: number,
  length: number,
  { size, offset }: { readonly size: number; readonly offset: number },
  compressed: number,
): { size: number; offset: number } {
  const found = { size, offset };
  for (let at = extra; at + 4 <= extra + length && at + 4 <= view.byteLength; ) {
    const fieldLength = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      let value = at + 4;
      const next = (): number => {
        value += 8;
        if (value > at + 4 + fieldLength || value > view.byteLength)
          throw corrupt("the directory of its archive is damaged");
        return Number(view.getBigUint64(value - 8, true));
      };
      if (size === IN_64) found.size = next();
      if (compressed === IN_64) next();
      if (offset === IN_64) found.offset = next();
    }
    at += 4 + fieldLength;
  }
  return found;
}
