/** Protocol-buffer wire format, as much of it as a model file needs: fields in, bytes out. */

type Bytes = Uint8Array<ArrayBuffer>;

const VARINT = 0;
const LENGTH = 2;
const FIXED_32 = 5;

/** Little-endian groups of seven bits. Whole numbers from 0. */
function varint(value: number): Bytes {
  const out: number[] = [];
  let left = value;
  do {
    const low = left % 128;
    left = Math.floor(left / 128);
    out.push(left > 0 ? low + 128 : low);
  } while (left > 0);
  return Uint8Array.from(out);
}

const key = (field: number, wire: number): Bytes => varint(field * 8 + wire);

export function concatBytes(parts: readonly Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** int64, enum: `value` from 0. */
export function integer(field: number, value: number): Bytes {
  return concatBytes([key(field, VARINT), varint(value)]);
}

export function float(field: number, value: number): Bytes {
  return concatBytes([key(field, FIXED_32), new Uint8Array(Float32Array.of(value).buffer)]);
}

export function bytes(field: number, value: Bytes): Bytes {
  return concatBytes([key(field, LENGTH), varint(value.length), value]);
}

export function text(field: number, value: string): Bytes {
  return bytes(field, new TextEncoder().encode(value));
}

/** A message within a message. */
export function message(field: number, parts: readonly Bytes[]): Bytes {
  return bytes(field, concatBytes(parts));
}
