import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { encodePng8, encodePng16 } from "./encodePng";
import fixture from "./fixtures/npy.json";
import { histogram } from "./histogram";
import { decodeNpy, encodeNpy } from "./npy";

const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, "base64"));

describe("encodePng", () => {
  it("keeps 8-bit levels", () => {
    const data = Uint8Array.from({ length: 15 }, (_, i) => i * 17);
    const png = decode(encodePng8(5, 3, data));
    expect([png.width, png.height, png.depth, png.channels]).toEqual([5, 3, 8, 1]);
    expect([...png.data]).toEqual([...data]);
  });

  it("writes [0, 1] as 16 bits, clamped and rounded", () => {
    const png = decode(encodePng16(3, 2, Float32Array.of(-0.5, 0, 0.5, 1, 1.5, Number.NaN)));
    expect([png.width, png.height, png.depth, png.channels]).toEqual([3, 2, 16, 1]);
    expect([...png.data]).toEqual([0, 0, 32768, 65535, 65535, 0]);
  });

  it("refuses data that are not width × height", () => {
    expect(() => encodePng8(2, 2, new Uint8Array(3))).toThrow("shape/png");
    expect(() => encodePng16(0, 2, new Float32Array(0))).toThrow("shape/png");
  });
});

describe("encodeNpy", () => {
  it.each(fixture.cases)(
    "writes numpy's bytes for $dtype of shape $shape",
    ({ shape, dtype, data, file }) => {
      const bytes = bytesOf(data);
      const values = dtype === "uint8" ? bytes : new Float32Array(bytes.buffer);
      expect(Buffer.from(encodeNpy(values, shape)).toString("latin1")).toBe(
        Buffer.from(bytesOf(file)).toString("latin1"),
      );
    },
  );

  it("refuses a shape of another size", () => {
    expect(() => encodeNpy(new Float32Array(5), [2, 3])).toThrow("shape/npy");
  });

  it("reads what it writes, also inside a larger buffer", () => {
    const data = Float32Array.of(0, -1.5, 1e-8, 1, 2, 3);
    const bytes = encodeNpy(data, [2, 3]);
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    expect(decodeNpy(larger.subarray(3))).toEqual({ data, shape: [2, 3] });
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["other bytes", new Uint8Array(200)],
    ["whole numbers", encodeNpy(new Uint8Array(6), [2, 3])],
    ["a file cut off", encodeNpy(new Float32Array(6), [2, 3]).subarray(0, -2)],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeNpy(bytes)).toThrow("decode/npy");
  });
});

describe("histogram", () => {
  it("counts every number once, the ends included", () => {
    const data = Float32Array.of(-1, 0, 0.24, 0.25, 0.74, 0.75, 1, 2, Number.NaN);
    expect([...histogram(data, 4)]).toEqual([3, 1, 1, 3]);
    expect(histogram(data)).toHaveLength(256);
  });
});
