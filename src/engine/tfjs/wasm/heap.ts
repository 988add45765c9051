import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import type { TensorInfo } from "@tensorflow/tfjs-core";

/** What a registered kernel receives, with the backend's own type. */
export interface KernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly backend: BackendWasm;
}

/** The parts of the Emscripten module that TensorFlow.js' own types leave out. */
interface HeapModule {
  _malloc: (bytes: number) => number;
  readonly _free: (address: number) => void;
  readonly cwrap: (
    name: string,
    result: "number" | null,
    parameters: readonly ("number" | "array")[],
  ) => (...args: readonly unknown[]) => unknown;
}

export type WasmBackend = BackendWasm;

export function heapModule(backend: Pick<BackendWasm, "wasm">): HeapModule {
  return backend.wasm as unknown as HeapModule;
}

export function input({ inputs }: KernelCall, name: string): TensorInfo {
  const info = inputs[name];
  if (!info) throw new Error(`tfjs-wasm kernel: no input ${name}`);
  return info;
}

/**
 * A tensor's numbers in the WASM heap. Allocate every output first: an allocation may grow the heap, which leaves older
 * views behind.
 */
export function floats(backend: BackendWasm, info: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(info) as Float32Array;
}

/** Rows and channels of an NHWC tensor taken as a matrix. */
export function matrixOf({ shape }: TensorInfo): { readonly count: number; readonly channels: number } {
  const channels = shape.at(-1) ?? 1;
  return { count: shape.reduce((product, side) => product * side, 1) / channels, channels };
}

/** `[batch, height, width, channels]`. */
export function imageShape({ shape }: TensorInfo): [number, number, number, number] {
  const [batch = 1, height = 1, width = 1, channels = 1] = shape;
  return [batch, height, width, channels];
}

export function shapeBytes(shape: readonly number[]): Uint8Array {
  return new Uint8Array(new Int32Array(shape).buffer);
}

/** Ids of views, far above those that the backend counts up from 1. */
const FIRST_VIEW_ID = 0x4000_0000;
let nextViewId = FIRST_VIEW_ID;

/** A second tensor id over part of the heap, for one call of a backend function. Give it back with `endView`. */
export function beginView(backend: BackendWasm, bytes: number, size: number): number {
  const id = nextViewId++;
  backend.wasm.tfjs.registerTensor(id, size, bytes);
  return id;
}

/** Also drops what XNNPACK cached for the id (packed weights). */
export function endView(backend: BackendWasm, id: number): void {
  backend.wasm.tfjs.disposeData(id);
}

export function byteOffset(backend: BackendWasm, info: TensorInfo): number {
  return backend.getMemoryOffset(info.dataId);
}
