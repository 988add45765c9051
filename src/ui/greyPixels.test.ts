import { describe, expect, it } from "vitest";
import { greyToRgba } from "./greyPixels";

const rgbaOf = (data: Uint8Array | Float32Array) => {
  const rgba = new Uint8ClampedArray(data.length * 4);
  greyToRgba(data, rgba);
  return [...rgba];
};

describe("greyToRgba", () => {
  it("repeats bytes over red, green and blue, opaque", () => {
    expect(rgbaOf(Uint8Array.of(0, 7, 255))).toEqual([0, 0, 0, 255, 7, 7, 7, 255, 255, 255, 255, 255]);
  });

  it("scales floats, rounds and clamps those outside [0, 1]", () => {
    expect(rgbaOf(Float32Array.of(-0.5, 0.5, 1.5)).filter((_, i) => i % 4 === 0)).toEqual([0, 128, 255]);
  });
});
