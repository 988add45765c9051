import { describe, expect, it } from "vitest";
import type { ImageReader } from "@/contracts/dataset";
import { resizeBicubic } from "@/imaging/resize";
import { readerAtSize } from "./resizedReader";

const STORED = 32;
const image = (index: number): Uint8Array =>
  Uint8Array.from({ length: STORED * STORED }, (_, i) => (i * (index + 3)) % 251);
const stored: ImageReader = {
  count: 3,
  size: STORED,
  patientKeys: ["a", "b", "c"],
  read: async (indices) => {
    const out = new Uint8Array(indices.length * STORED * STORED);
    Array.from(indices).forEach((index, place) => {
      out.set(image(index), place * STORED * STORED);
    });
    return out;
  },
};

describe("readerAtSize", () => {
  it("is the reader itself at the stored size", () => {
    expect(readerAtSize(stored, STORED)).toBe(stored);
  });

  it("reduces each image on its own", async () => {
    const reader = readerAtSize(stored, 16);
    const both = await reader.read([2, 0]);
    expect(reader).toMatchObject({ size: 16, count: 3, patientKeys: stored.patientKeys });
    expect(both.slice(0, 256)).toEqual(resizeBicubic(image(2), STORED, STORED, 16, 16));
    expect(both.slice(256)).toEqual(resizeBicubic(image(0), STORED, STORED, 16, 16));
  });

  it("refuses to enlarge, with both sizes and a remedy", () => {
    expect(() => readerAtSize(stored, 64)).toThrow(
      expect.objectContaining({
        failure: {
          code: "shape/too-small",
          message: expect.stringMatching(/32×32.*64×64/),
          remedy: expect.stringMatching(/at most 32/),
        },
      }),
    );
  });
});
