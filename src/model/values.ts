/** The number formats of weight files, little-endian; all become float32. */
export const BYTES_PER_ELEMENT = { F64: 8, I64: 8, F32: 4, F16: 2, BF16: 2 } as const;
export type DType = keyof typeof BYTES_PER_ELEMENT;

export const isDType = (value: unknown): value is DType =>
  typeof value === "string" && Object.hasOwn(BYTES_PER_ELEMENT, value);

/** `count` values from byte `start` of the view, which must hold them. */
export function readValues(
  view: DataView,
  start: number,
  count: number,
  dtype: DType,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count);
  switch (dtype) {
    case "F32":
      // As bytes: the platforms with browsers are little-endian like the file, and 31 million calls take seconds.
      new Uint8Array(values.buffer).set(new Uint8Array(view.buffer, view.byteOffset + start, 4 * count));
      break;
    case "F16":
      for (let i = 0; i < count; i++) values[i] = halfToFloat(view.getUint16(start + 2 * i, true));
      break;
    case "BF16": {
      const words = new Uint32Array(values.buffer);
      for (let i = 0; i < count; i++) words[i] = view.getUint16(start + 2 * i, true) << 16;
      break;
    }
    case "F64":
      for (let i = 0; i < count; i++) values[i] = view.getFloat64(start + 8 * i, true);
      break;
    case "I64":
      for (let i = 0; i < count; i++) values[i] = Number(view.getBigInt64(start + 8 * i, true));
      break;
    default:
      dtype satisfies never;
  }
  return values;
}

/** IEEE 754 binary16 → number. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
