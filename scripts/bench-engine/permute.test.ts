import { expect, it } from "vitest";
import { permute } from "./permute";

it("puts [out, in, k, k] as [k, k, in, out]", () => {
  const shape = [2, 3, 2, 2] as const;
  const at = (o: number, i: number, y: number, x: number): number => ((o * 3 + i) * 2 + y) * 2 + x;
  const data = Float32Array.from({ length: 24 }, (_, index) => index);
  const { shape: permuted, data: out } = permute({ shape, data }, [2, 3, 1, 0]);
  expect(permuted).toEqual([2, 2, 3, 2]);
  for (let y = 0, index = 0; y < 2; y++)
    for (let x = 0; x < 2; x++)
      for (let i = 0; i < 3; i++) for (let o = 0; o < 2; o++) expect(out[index++]).toBe(at(o, i, y, x));
});

it("leaves a tensor as it is in its own order", () => {
  const data = Float32Array.of(1, 2, 3);
  expect(permute({ shape: [3], data }, [0])).toEqual({ shape: [3], data });
});
