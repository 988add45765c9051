import { LabError } from "@/contracts/failure";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]; // "\x93NUMPY", version 1.0
const ALIGNMENT = 64;

/**
 * A NumPy `.npy` file (format 1.0, C order) of `data` with `shape`, byte for byte as `np.save` writes it: little-endian
 * float32, or uint8.
 */
export function encodeNpy(
  data: Float32Array | Uint8Array,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const count = shape.reduce((product, side) => product * side, 1);
  if (count !== data.length)
    throw new LabError(
      "shape/npy",
      `Shape ${shape.join("×")} has ${count} values, the array ${data.length}.`,
      "Pass a shape whose product is the array's length.",
    );
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const descr = data instanceof Uint8Array ? "|u1" : "<f4";
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const prefix = MAGIC.length + 2;
  const padding = ALIGNMENT - ((prefix + header.length + 1) % ALIGNMENT);
  const text = `${header}${" ".repeat(padding)}\n`;
  const bytes = new Uint8Array(prefix + text.length + data.byteLength);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint16(MAGIC.length, text.length, true);
  bytes.set(new TextEncoder().encode(text), prefix);
  const start = prefix + text.length;
  if (data instanceof Uint8Array) bytes.set(data, start);
  else for (let i = 0; i < data.length; i++) view.setFloat32(start + 4 * i, data[i] as number, true);
  return bytes;
}

/**
 * The array of a `.npy` file as `encodeNpy` and `np.save` write float32: format 1.0, little-endian, C order. Anything else
 * fails with `decode/npy`.
 */
export function decodeNpy(bytes: Uint8Array): {
  readonly data: Float32Array<ArrayBuffer>;
  readonly shape: number[];
} {
  const refuse = (what: string): LabError =>
    new LabError(
      "decode/npy",
      `This .npy file ${what}.`,
      "Save it with NumPy as a float32 array in C order.",
    );
  if (bytes.length < MAGIC.length + 2 || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw refuse("does not begin as NumPy's format 1.0 does");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = MAGIC.length + 2 + view.getUint16(MAGIC.length, true);
  const header = new TextDecoder().decode(bytes.subarray(MAGIC.length + 2, start));
  const shape = /'shape': \(([\d, ]*)\)/.exec(header)?.[1];
  if (!header.includes("'descr': '<f4'") || !header.includes("'fortran_order': False") || shape === undefined)
    throw refuse("holds no float32 array in C order");
  const sides = shape
    .split(",")
    .filter((side) => side.trim() !== "")
    .map(Number);
  const count = sides.reduce((product, side) => product * side, 1);
  if (bytes.length - start !== 4 * count)
    throw refuse(`holds ${bytes.length - start} bytes of values where its shape needs ${4 * count}`);
  return {
    data: Float32Array.from({ length: count }, (_, i) => view.getFloat32(start + 4 * i, true)),
    shape: sides,
  };
}
