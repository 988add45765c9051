import { describe, expect, it } from "vitest";
import { RandomStream } from "@/contracts/random";
import { cutTile, planTiles, TileBlender, type TileOptions } from "./tiling";

/** One or two float32 roundings of values up to 1. */
const ROUNDING = 3e-7;

type Network = (tile: Float32Array, width: number, height: number) => Float32Array;
const identity: Network = (tile) => tile;

function through(image: Float32Array, width: number, height: number, options: TileOptions, network: Network) {
  const plan = planTiles(width, height, options);
  const blender = new TileBlender(plan);
  for (let i = plan.count - 1; i >= 0; i--)
    blender.add(i, network(cutTile(image, plan, i), plan.tileWidth, plan.tileHeight));
  return blender.finish();
}

/** A mean over (2·radius+1)² pixels that takes 0 outside, as a convolution with zero padding does. */
function blur(radius: number): Network {
  return (image, width, height) => {
    const out = new Float32Array(image.length);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let v = Math.max(y - radius, 0); v <= Math.min(y + radius, height - 1); v++)
          for (let u = Math.max(x - radius, 0); u <= Math.min(x + radius, width - 1); u++)
            sum += image[v * width + u] as number;
        out[y * width + x] = sum / (2 * radius + 1) ** 2;
      }
    return out;
  };
}

function noiseImage(length: number): Float32Array {
  const stream = new RandomStream(1, 3);
  return Float32Array.from({ length }, () => stream.nextUint32() / 2 ** 32);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] as number))), 0);
}

describe("tiling", () => {
  it.each([
    [1, 1, 256, 64],
    [17, 33, 256, 64],
    [1000, 777, 256, 64],
    [257, 16, 256, 128],
    [520, 513, 256, 128],
    [300, 40, 64, 0],
  ])("an identity network gives %i×%i back", (width, height, tile, overlap) => {
    const image = noiseImage(width * height);
    const out = through(image, width, height, { tile, overlap, multiple: 16 }, identity);
    expect(out).toHaveLength(image.length);
    expect(largestDifference(out, image)).toBeLessThan(ROUNDING);
  });

  it.each([
    [1, 4],
    [1, 16],
    [3, 12],
  ])("a blur of radius %i leaves no seam with overlap %i", (radius, overlap) => {
    const [width, height] = [203, 150];
    const image = noiseImage(width * height);
    const out = through(image, width, height, { tile: 64, overlap, multiple: 16 }, blur(radius));
    expect(largestDifference(out, blur(radius)(image, width, height))).toBeLessThan(ROUNDING);
  });

  it("without overlap the same blur does show seams", () => {
    const image = noiseImage(192 * 128);
    const out = through(image, 192, 128, { tile: 64, overlap: 0, multiple: 16 }, blur(1));
    expect(largestDifference(out, blur(1)(image, 192, 128))).toBeGreaterThan(0.05);
  });

  it("gives the network one size, a multiple of 16 and no longer than the tile", () => {
    const small = planTiles(17, 33, { tile: 256, overlap: 64, multiple: 16 });
    expect([small.tileWidth, small.tileHeight, small.count]).toEqual([32, 48, 1]);
    const large = planTiles(1024, 1024, { tile: 256, overlap: 64, multiple: 16 });
    expect([large.tileWidth, large.tileHeight, large.count]).toEqual([256, 256, 25]);
    for (const starts of [large.columns.starts, large.rows.starts]) {
      expect([starts[0], starts.at(-1)]).toEqual([0, 1024 - 256]);
      starts.slice(1).forEach((start, i) => {
        expect((starts[i] as number) + 256 - start).toBeGreaterThanOrEqual(64);
      });
    }
  });

  it("pads by reflection without repeating the edge", () => {
    const plan = planTiles(3, 1, { tile: 16, overlap: 0, multiple: 8 });
    const tile = cutTile(Float32Array.of(1, 2, 3), plan, 0);
    expect([...tile.subarray(0, 8)]).toEqual([3, 2, 1, 2, 3, 2, 1, 2]);
    expect(tile.subarray(8, 16)).toEqual(tile.subarray(0, 8));
  });

  it("refuses what cannot work", () => {
    const options = { tile: 64, overlap: 16, multiple: 16 };
    expect(() => planTiles(100, 100, { ...options, tile: 60 })).toThrow("shape/tile");
    expect(() => planTiles(100, 100, { ...options, overlap: 33 })).toThrow("shape/tile");
    expect(() => planTiles(0, 100, options)).toThrow("shape/tile");
    const plan = planTiles(100, 100, options);
    expect(() => cutTile(new Float32Array(99), plan, 0)).toThrow("shape/tile");
    expect(() => cutTile(new Float32Array(10000), plan, plan.count)).toThrow("shape/tile");
    const blender = new TileBlender(plan);
    expect(() => blender.finish()).toThrow("missing");
    blender.add(0, new Float32Array(64 * 64));
    expect(() => blender.add(0, new Float32Array(64 * 64))).toThrow("twice");
  });
});
