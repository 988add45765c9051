import { expect, it } from "vitest";
import { bucketsOf, ownerOf } from "./buckets";

it.each([1, 2 ** 21, 2 ** 22 + 1, 31_036_481, 36_621_185])(
  "buckets of %i floats cover them, last first",
  (floats) => {
    const buckets = bucketsOf(floats);
    let end = floats;
    for (const { offset, length } of buckets) {
      expect(offset + length).toBe(end);
      expect(offset % 8).toBe(0);
      end = offset;
      if (floats > 2 ** 21) {
        expect(length * 4).toBeLessThan(16 * 2 ** 20);
        expect(length * 4).toBeGreaterThan(7.9 * 2 ** 20);
      }
    }
    expect(end).toBe(0);
  },
);

it("buckets are summed in turn by those who take part", () => {
  const owners = [0, 1, 2, 3, 4].map((bucket) => ownerOf(bucket, [0.5, 0, 0.25, 0.25]));
  expect(owners).toEqual([0, 2, 3, 0, 2]);
});
