import { LabError } from "@/contracts/failure";
import type { StateDict, Tensor } from "@/contracts/tensors";
import { BYTES_PER_ELEMENT, type DType, isDType, readValues } from "./values";

/**
 * safetensors (Hugging Face): u64 little-endian header length N, N bytes of JSON
 * `{name: {dtype, shape, data_offsets: [begin, end]}, __metadata__?: {key: text}}`, then the data, packed without gaps.
 * Little-endian, row-major. Read here: F32, F16, BF16, F64, I64 (all as float32). Written: F32, and I64 for BatchNorm's
 * `num_batches_tracked`, which PyTorch keeps as an integer.
 */
const LENGTH_BYTES = 8;
const ALIGNMENT_BYTES = 8;
/** The limit of the safetensors library: a header above this is corruption, not a model. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = "__metadata__";
const INTEGER_SUFFIX = "num_batches_tracked";

interface Entry {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsContent {
  /** In the order of the data in the file. */
  readonly tensors: StateDict;
  readonly metadata: Readonly<Record<string, string>>;
}

const REMEDY = "Export or download the weights again; the file was not changed.";
const corrupt = (message: string): LabError => new LabError("weights/corrupt", message, REMEDY);
const truncated = (message: string): LabError => new LabError("weights/truncated", message, REMEDY);

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const product = (shape: readonly number[]): number => shape.reduce((count, side) => count * side, 1);

/**
 * Reads a safetensors file; every value becomes float32.
 * Failures: `weights/truncated` (the file ends too early), `weights/corrupt` (header, offsets or sizes disagree),
 * `weights/dtype` (a number format that is not read here).
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsContent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { header, dataStart } = readHeader(bytes, view);
  const metadata = readMetadata(header[METADATA_KEY]);
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => readEntry(name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkPacking(entries, bytes.byteLength - dataStart);
  const tensors: StateDict = new Map();
  for (const entry of entries)
    tensors.set(entry.name, {
      shape: entry.shape,
      data: readValues(view, dataStart + entry.begin, product(entry.shape), entry.dtype),
    });
  return { tensors, metadata };
}

function readHeader(
  bytes: Uint8Array,
  view: DataView,
): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.byteLength < LENGTH_BYTES)
    throw truncated(`The weight file has ${bytes.byteLength} bytes; its header length alone takes 8.`);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES)
    throw corrupt(`The weight file claims a header of ${length} bytes: it is no safetensors file.`);
  const dataStart = LENGTH_BYTES + length;
  if (dataStart > bytes.byteLength)
    throw truncated(
      `The weight file ends inside its header: ${bytes.byteLength} of at least ${dataStart} bytes are there.`,
    );
  let header: unknown;
  try {
    header = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes.slice(LENGTH_BYTES, dataStart)),
    );
  } catch (error) {
    throw corrupt(
      `The header of the weight file is not JSON (${error instanceof Error ? error.message : String(error)}).`,
    );
  }
  if (!isPlain(header)) throw corrupt("The header of the weight file is not a JSON object.");
  return { header, dataStart };
}

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isPlain(value)) throw corrupt("The metadata of the weight file is not an object of texts.");
  const metadata: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw corrupt(`The metadata "${key}" of the weight file is not a text.`);
    metadata[key] = text;
  }
  return metadata;
}

function readEntry(name: string, value: unknown): Entry {
  if (!isPlain(value)) throw corrupt(`The header entry of ${name} is not an object.`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDType(dtype))
    throw new LabError(
      "weights/dtype",
      `${name} has the number format ${JSON.stringify(dtype)}; F32, F16, BF16, F64 and I64 are read here.`,
      "Save the weights as float32 first.",
    );
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw corrupt(`The shape of ${name} is ${JSON.stringify(shape)}, not a list of sizes.`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw corrupt(`The offsets of ${name} are ${JSON.stringify(offsets)}, not a begin and an end.`);
  const [begin, end] = offsets as [number, number];
  const expected = product(shape) * BYTES_PER_ELEMENT[dtype];
  if (end - begin !== expected)
    throw corrupt(
      `${name} [${shape.join(", ")}] takes ${expected} bytes as ${dtype}, but ${end - begin} are given.`,
    );
  return { name, dtype, shape, begin, end };
}

/** Sorted entries must follow one another without gap or overlap, from 0 to the end of the file. */
function checkPacking(entries: readonly Entry[], dataBytes: number): void {
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== at)
      throw corrupt(
        `${name} begins at byte ${begin} of the data, but ${begin < at ? "overlaps what" : "what"} ends at ${at}.`,
      );
    at = end;
  }
  if (at > dataBytes) throw truncated(`The weight file holds ${dataBytes} of ${at} bytes of data.`);
  if (at < dataBytes)
    throw corrupt(`The weight file holds ${dataBytes - at} bytes that belong to no tensor.`);
}

/**
 * A safetensors file of float32 tensors in the map's order; names ending in `num_batches_tracked` are written as I64
 * scalars, first, so that every tensor starts on a multiple of its element size (as the safetensors library orders them).
 * Failure: `weights/shape` when a tensor's data does not fill its shape.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const isInteger = (name: string): boolean => name.endsWith(INTEGER_SUFFIX);
  const ordered = [...tensors].sort(([a], [b]) => Number(isInteger(b)) - Number(isInteger(a)));
  const header: Record<string, unknown> =
    Object.keys(metadata).length > 0 ? { [METADATA_KEY]: metadata } : {};
  let dataBytes = 0;
  for (const [name, { shape, data }] of ordered) {
    if (product(shape) !== data.length)
      throw new LabError(
        "weights/shape",
        `${name} has ${data.length} values for the shape [${shape.join(", ")}].`,
        "This is a fault of the lab; please report it.",
      );
    const dtype: DType = isInteger(name) ? "I64" : "F32";
    const end = dataBytes + data.length * BYTES_PER_ELEMENT[dtype];
    header[name] = { dtype, shape, data_offsets: [dataBytes, end] };
    dataBytes = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes + dataBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  bytes.set(text, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  for (const [name, { data }] of ordered)
    if (isInteger(name))
      for (const value of data) {
        view.setBigInt64(at, BigInt(Math.round(value)), true);
        at += BYTES_PER_ELEMENT.I64;
      }
    else {
      bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
      at += data.byteLength;
    }
  return bytes;
}
