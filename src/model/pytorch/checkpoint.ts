import { LabError } from "@/contracts/failure";
import type { StateDict, Tensor } from "@/contracts/tensors";
import { BYTES_PER_ELEMENT, type DType, readValues } from "../values";
import { corrupt, notOnlyWeights, truncated } from "./failures";
import { Global, type PickleRules, type PickleValue, readPickle } from "./pickle";
import { storedZipEntries } from "./zipEntries";

/** Storage classes and their number formats; null: known, but no format of weights. */
const STORAGES: Readonly<Record<string, DType | null>> = {
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.DoubleStorage": "F64",
  "torch.LongStorage": "I64",
  "torch.IntStorage": null,
  "torch.ShortStorage": null,
  "torch.CharStorage": null,
  "torch.ByteStorage": null,
  "torch.BoolStorage": null,
};
const ORDERED_DICT = "collections.OrderedDict";
const REBUILD_TENSORS = ["torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor"];
const REBUILD_PARAMETER = "torch._utils._rebuild_parameter";
const SIZE = "torch.Size";
/** All names that a file may mention. None of them is ever looked up or called in any Python sense. */
const KNOWN: ReadonlySet<string> = new Set([
  ...Object.keys(STORAGES),
  ...REBUILD_TENSORS,
  REBUILD_PARAMETER,
  ORDERED_DICT,
  SIZE,
]);

/** First bytes of a zip, and of the pickled magic number 0x1950a86a20f9469cfc6c with which older files begin. */
const ZIP = [0x50, 0x4b, 0x03, 0x04];
const LEGACY = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
const PROTO_BYTES = 2;

/** A tensor as the pickle describes it; its values are still in the file. */
interface TensorRecord {
  readonly kind: "tensor";
  readonly storage: StorageRecord;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

interface StorageRecord {
  readonly kind: "storage";
  readonly dtype: DType | null;
  /** As in the file: `torch.FloatStorage`. */
  readonly type: string;
  readonly key: string;
  readonly elements: number;
  /** First element of a view in the storage `key` (older files). */
  readonly first: number;
}

const begins = (bytes: Uint8Array, start: number, magic: readonly number[]): boolean =>
  magic.every((byte, i) => bytes[start + i] === byte);
const isLegacy = (bytes: Uint8Array): boolean => begins(bytes, PROTO_BYTES, LEGACY);
/** A tar archive, of PyTorch before 0.1.10. */
const isTar = (bytes: Uint8Array): boolean => begins(bytes, 257, [0x75, 0x73, 0x74, 0x61, 0x72]);

/** Whether these bytes are a file that PyTorch saved (of any age), by how they begin. */
export function isPytorchFile(bytes: Uint8Array): boolean {
  return begins(bytes, 0, ZIP) || isLegacy(bytes) || isTar(bytes);
}

/**
 * The state dict in a file of `torch.save`: the zip of PyTorch 1.6 and later, and the format before it. It may be the
 * file's only content or one entry of a checkpoint ({"epoch": …, "model_state_dict": …}). Every value becomes float32;
 * only the tensors that `wanted` names are read. Nothing in a file can run: see `readPickle`. Failures:
 * `weights/pickle` (more than weights), `weights/several` (several state dicts), `weights/old` (the tar of PyTorch before
 * 0.1.10), `weights/dtype`, `weights/corrupt`, `weights/truncated`.
 */
export function readPytorchFile(
  bytes: Uint8Array,
  wanted: (name: string) => boolean = () => true,
): StateDict {
  if (isTar(bytes))
    throw new LabError(
      "weights/old",
      "This file was saved by a PyTorch before 0.1.10 (2017), as a tar archive.",
      "Load it in PyTorch and save it again: torch.save(torch.load(FILE), FILE).",
    );
  const { root, dataOf } = isLegacy(bytes) ? readLegacy(bytes) : readZip(bytes);
  const tensors: StateDict = new Map();
  for (const [name, record] of stateDictIn(root))
    if (wanted(name)) tensors.set(name, materialise(name, record, dataOf));
  return tensors;
}

type DataOf = (storage: StorageRecord) => Uint8Array;

function readZip(bytes: Uint8Array): { root: PickleValue; dataOf: DataOf } {
  const entries = storedZipEntries(bytes);
  const pickle = [...entries.keys()].find((name) => name.endsWith("/data.pkl"));
  if (pickle === undefined) throw corrupt("its archive has no data.pkl; PyTorch's archives have");
  const folder = pickle.slice(0, -"data.pkl".length);
  const order = entries.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(order.slice()) === "big") throw corrupt("its numbers are big-endian");
  const { value } = readPickle(entries.get(pickle) as Uint8Array, 0, rules);
  return {
    root: value,
    dataOf: ({ key }) => {
      const data = entries.get(`${folder}data/${key}`);
      if (!data) throw corrupt(`its archive has no data/${key}`);
      return data;
    },
  };
}

/** Five pickles (magic number, version, system, the object, storage keys), then each storage: element count, values. */
function readLegacy(bytes: Uint8Array): { root: PickleValue; dataOf: DataOf } {
  const types = new Map<string, number>();
  const noting: PickleRules = {
    ...rules,
    persistent: (id) => {
      const storage = rules.persistent(id);
      if (isStorage(storage)) types.set(storage.key, elementBytes(storage));
      return storage;
    },
  };
  const magic = readPickle(bytes, 0, rules);
  const version = readPickle(bytes, magic.end, rules);
  const system = readPickle(bytes, version.end, rules);
  if (system.value instanceof Map && system.value.get("little_endian") === false)
    throw corrupt("its numbers are big-endian");
  const object = readPickle(bytes, system.end, noting);
  const keys = readPickle(bytes, object.end, rules);
  if (!Array.isArray(keys.value)) throw corrupt("it has no list of storages");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Map<string, Uint8Array>();
  let at = keys.end;
  for (const key of keys.value) {
    const width = types.get(String(key));
    if (width === undefined) throw corrupt(`nothing uses its storage ${String(key)}`);
    if (at + 8 > bytes.length) throw truncated(`at its storage ${data.size + 1} of ${keys.value.length}`);
    const length = Number(view.getBigInt64(at, true)) * width;
    at += 8;
    if (length < 0 || at + length > bytes.length)
      throw truncated(`at its storage ${data.size + 1} of ${keys.value.length}`);
    data.set(String(key), bytes.subarray(at, at + length));
    at += length;
  }
  return {
    root: object.value,
    dataOf: ({ key }) => {
      const found = data.get(key);
      if (!found) throw corrupt(`it has no storage ${key}`);
      return found;
    },
  };
}

/** Of storages that are not read too: the next one begins after them. */
function elementBytes({ dtype, type }: StorageRecord): number {
  if (dtype !== null) return BYTES_PER_ELEMENT[dtype];
  if (type === "torch.IntStorage") return 4;
  return type === "torch.ShortStorage" ? 2 : 1;
}

const isStorage = (value: PickleValue | undefined): value is StorageRecord =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "storage";
const isTensor = (value: PickleValue | undefined): value is TensorRecord =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "tensor";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const rules: PickleRules = {
  known: KNOWN,
  /** ("storage", class, key, location, elements[, (view key, first, elements)]). */
  persistent(id) {
    if (!Array.isArray(id) || id[0] !== "storage" || !(id[1] instanceof Global))
      throw notOnlyWeights("a reference to something else than numbers");
    const [, { name: type }, key, , elements, viewOf] = id as [string, Global, ...PickleValue[]];
    if (typeof key !== "string" || !isCount(elements)) throw corrupt("a storage has no key or size");
    if (!Object.hasOwn(STORAGES, type)) throw notOnlyWeights(type);
    const dtype = STORAGES[type] ?? null;
    const record = { kind: "storage", dtype, type, key } as const;
    if (!Array.isArray(viewOf)) return { ...record, elements, first: 0 };
    const [, first, viewElements] = viewOf;
    if (!isCount(first) || !isCount(viewElements)) throw corrupt("a storage's view has no place or size");
    return { ...record, elements: viewElements, first };
  },
  call(name, args) {
    if (name === ORDERED_DICT) {
      const pairs = args[0] ?? [];
      if (!Array.isArray(pairs)) throw corrupt("a dict is not made of pairs");
      return new Map(
        pairs.map((pair): [PickleValue, PickleValue] => {
          if (!Array.isArray(pair) || pair.length !== 2) throw corrupt("a dict is not made of pairs");
          return [pair[0] as PickleValue, pair[1] as PickleValue];
        }),
      );
    }
    if (name === SIZE) return args[0] ?? [];
    if (name === REBUILD_PARAMETER) {
      if (!isTensor(args[0])) throw corrupt("a parameter has no tensor");
      return args[0];
    }
    if (REBUILD_TENSORS.includes(name)) return tensorRecord(args);
    throw notOnlyWeights(`a call of ${name}`);
  },
};

/** (storage, offset, shape, strides, …) */
function tensorRecord([storage, offset, shape, strides]: readonly PickleValue[]): TensorRecord {
  const counts = (value: PickleValue | undefined): value is number[] =>
    Array.isArray(value) && value.every(isCount);
  if (!isStorage(storage) || !isCount(offset) || !counts(shape) || !counts(strides))
    throw corrupt("a tensor has no storage, place, shape or strides");
  if (shape.length !== strides.length) throw corrupt("a tensor's shape and strides differ in length");
  return { kind: "tensor", storage, offset, shape, strides };
}

/** The tensors of the object itself, or of the one dict of tensors in it. */
function stateDictIn(root: PickleValue): [string, TensorRecord][] {
  const tensorsOf = (value: PickleValue): [string, TensorRecord][] =>
    value instanceof Map
      ? [...value].flatMap(([name, entry]): [string, TensorRecord][] =>
          typeof name === "string" && isTensor(entry) ? [[name, entry]] : [],
        )
      : [];
  const own = tensorsOf(root);
  if (own.length > 0) return own;
  const inside = root instanceof Map ? [...root].filter(([, entry]) => tensorsOf(entry).length > 0) : [];
  const [only, other] = inside;
  if (only && other)
    throw new LabError(
      "weights/several",
      `The PyTorch file holds ${inside.length} state dicts: ${inside.map(([name]) => String(name)).join(", ")}.`,
      "Save the one to use alone: torch.save(model.state_dict(), FILE).",
    );
  return only ? tensorsOf(only[1]) : [];
}

/** The values in order, whatever the strides. */
function materialise(name: string, record: TensorRecord, dataOf: DataOf): Tensor {
  const { storage, offset, shape, strides } = record;
  const { dtype } = storage;
  if (dtype === null)
    throw new LabError(
      "weights/dtype",
      `${name} is made of ${storage.type.slice("torch.".length, -"Storage".length)} numbers, no format of weights.`,
      "Save the weights as float32 first.",
    );
  const count = shape.reduce((product, side) => product * side, 1);
  const reach = shape.reduce((last, side, i) => last + (side - 1) * (strides[i] as number), 0);
  // More elements than the storage has: a broadcast, which a small file could grow beyond all memory with.
  if (count > storage.elements || (count > 0 && offset + reach >= storage.elements))
    throw corrupt(`${name} [${shape.join(", ")}] is larger than its storage of ${storage.elements}`);
  const data = dataOf(storage);
  const width = BYTES_PER_ELEMENT[dtype];
  const start = (storage.first + offset) * width;
  const last = count === 0 ? start : start + (reach + 1) * width;
  if (last > data.length) throw truncated(`${name} needs ${last} bytes of ${data.length}`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const contiguous = shape.every(
    (side, i) => side === 1 || strides[i] === shape.slice(i + 1).reduce((product, next) => product * next, 1),
  );
  if (contiguous || count === 0) return { shape, data: readValues(view, start, count, dtype) };
  const source = readValues(view, start, reach + 1, dtype);
  return { shape, data: gather(source, shape, strides, count) };
}

function gather(
  source: Float32Array,
  shape: readonly number[],
  strides: readonly number[],
  count: number,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(count);
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < count; i++) {
    out[i] = source[at] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      at += stride;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      at -= stride * (shape[axis] as number);
      index[axis] = 0;
    }
  }
  return out;
}
