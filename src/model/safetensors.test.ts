import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import type { StateDict } from "@/contracts/tensors";
import { readSafetensors, writeSafetensors } from "./safetensors";

const tensor = (shape: number[], values: number[]) => ({ shape, data: new Float32Array(values) });
const TENSORS: StateDict = new Map([
  ["a.weight", tensor([2, 3], [1, -2, 3.5, 0.1, 1e-30, -0])],
  ["a.num_batches_tracked", tensor([], [7])],
  ["b.bias", tensor([1], [Number.POSITIVE_INFINITY])],
  ["empty", tensor([0, 4], [])],
]);

/** A file from a header object and data bytes, as any writer would make it. */
function file(header: unknown, data: number[] | Uint8Array = []): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

function codeOf(bytes: Uint8Array): string {
  try {
    readSafetensors(bytes);
  } catch (error) {
    if (error instanceof LabError) return error.failure.code;
    throw error;
  }
  return "no failure";
}

describe("writeSafetensors", () => {
  it("comes back as it was", () => {
    const { tensors, metadata } = readSafetensors(writeSafetensors(TENSORS, { config: '{"ü":1}' }));
    expect(Object.fromEntries(tensors)).toEqual(Object.fromEntries(TENSORS));
    expect(metadata).toEqual({ config: '{"ü":1}' });
  });

  it("aligns data, packs it and writes batch counts as I64", () => {
    const bytes = writeSafetensors(TENSORS);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
      string,
      unknown
    >;
    expect(header["a.num_batches_tracked"]).toEqual({ dtype: "I64", shape: [], data_offsets: [0, 8] });
    expect(header["a.weight"]).toEqual({ dtype: "F32", shape: [2, 3], data_offsets: [8, 32] });
    expect(bytes.length).toBe(8 + length + 8 + 24 + 4);
  });

  it("refuses a tensor whose values do not fill its shape", () => {
    expect(() => writeSafetensors(new Map([["a", tensor([2], [1])]]))).toThrow("weights/shape");
  });

  it("keeps the order of the map for what is float32", () => {
    const names = [...readSafetensors(writeSafetensors(TENSORS)).tensors.keys()];
    expect(names).toEqual(["a.num_batches_tracked", "a.weight", "b.bias", "empty"]);
  });
});

describe("readSafetensors", () => {
  it.each([
    [
      "F16",
      [0x00, 0x3c, 0x01, 0x00, 0xff, 0xfb, 0x00, 0x7c],
      [1, 2 ** -24, -65504, Number.POSITIVE_INFINITY],
    ],
    ["BF16", [0x80, 0x3f, 0x49, 0x40, 0x80, 0xff], [1, 3.140625, Number.NEGATIVE_INFINITY]],
    ["F64", [0, 0, 0, 0, 0, 0, 0xf8, 0xbf], [-1.5]],
    ["I64", [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [-2]],
  ])("reads %s", (dtype, data, values) => {
    const bytes = file({ x: { dtype, shape: [values.length], data_offsets: [0, data.length] } }, data);
    expect([...(readSafetensors(bytes).tensors.get("x")?.data ?? [])]).toEqual(values);
  });

  it("reads a view into a larger buffer", () => {
    const bytes = writeSafetensors(TENSORS);
    const larger = new Uint8Array(bytes.length + 13);
    larger.set(bytes, 13);
    expect(readSafetensors(larger.subarray(13)).tensors.get("b.bias")?.data[0]).toBe(
      Number.POSITIVE_INFINITY,
    );
  });

  const x = (over: object) => ({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...over } });
  const y = (offsets: number[]) => ({ y: { dtype: "F32", shape: [1], data_offsets: offsets } });
  it.each([
    ["an empty file", new Uint8Array(0), "weights/truncated"],
    ["a header that runs past the end", file(x({})).subarray(0, 20), "weights/truncated"],
    ["data that ends too early", file(x({}), [0, 0, 0]), "weights/truncated"],
    ["an absurd header length", new Uint8Array(16).fill(0xff), "weights/corrupt"],
    ["a header that is no JSON", file("{not json"), "weights/corrupt"],
    ["a header that is no object", file([1]), "weights/corrupt"],
    ["invalid UTF-8", new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), "weights/corrupt"],
    ["metadata that is no text", file({ __metadata__: { a: 1 } }), "weights/corrupt"],
    ["an entry that is no object", file({ x: 1 }), "weights/corrupt"],
    ["an unknown number format", file(x({ dtype: "I4" }), [0, 0, 0, 0]), "weights/dtype"],
    ["a negative side", file(x({ shape: [-1] }), [0, 0, 0, 0]), "weights/corrupt"],
    ["a shape that is no list", file(x({ shape: 1 }), [0, 0, 0, 0]), "weights/corrupt"],
    ["offsets that do not fit the shape", file(x({ shape: [2] }), [0, 0, 0, 0]), "weights/corrupt"],
    ["an offset that is no number", file(x({ data_offsets: [0, "4"] }), [0, 0, 0, 0]), "weights/corrupt"],
    ["an overlap", file({ ...x({}), ...y([2, 6]) }, [0, 0, 0, 0, 0, 0]), "weights/corrupt"],
    ["a gap", file({ ...x({}), ...y([6, 10]) }, new Uint8Array(10)), "weights/corrupt"],
    ["bytes that belong to nothing", file(x({}), new Uint8Array(5)), "weights/corrupt"],
  ])("refuses %s", (_, bytes, code) => {
    expect(codeOf(bytes)).toBe(code);
  });

  it("never throws anything but a coded failure, whichever byte of a header is damaged", () => {
    const bytes = writeSafetensors(TENSORS);
    for (let at = 0; at < 200; at++)
      for (const value of [0x00, 0x22, 0x2d, 0x39, 0x7d, 0xff]) {
        const damaged = bytes.slice();
        damaged[at] = value;
        expect(codeOf(damaged)).toMatch(/^(weights\/|no failure)/);
      }
  });
});
