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
