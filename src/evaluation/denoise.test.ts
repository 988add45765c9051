import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { GreyImage } from "@/contracts/workers";
import { relativeError } from "@/engine/fixtures";
import { referenceEngine } from "@/engine/reference/engine";
import { addNoise } from "@/imaging/noise";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { readModelFile } from "@/model/stateDict";
import { denoiseImage } from "./denoise";

/**
 * Largest change from one pixel to its neighbour that tiling adds to the output of this trained network; measured 7e-6.
 * A grey level of 8 bits is 0.0039: an eighth of it cannot be seen or saved.
 */
const MAX_SEAM_JUMP = 0.0005;
/** Tiles put side by side are far above (measured 0.118): the measure sees seams. */
const VISIBLE_SEAM_JUMP = 0.02;

const WIDTH = 640;
const HEIGHT = 96;

function noisyDisc(): GreyImage {
  const pixels = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => {
    const x = (i % WIDTH) / WIDTH;
    const y = Math.floor(i / WIDTH) / HEIGHT;
    const bright = (x - 0.5) ** 2 * 9 + (y - 0.5) ** 2 < 0.2;
    return 40 + 120 * x + (bright ? 60 : 0);
  });
  const data = new Float32Array(pixels.length);
  addNoise(pixels, { mean: 0, std: 0.1 }, { seed: 3, index: 0, visit: 0 }, data, 0);
  return { width: WIDTH, height: HEIGHT, data };
}

async function network(height: number, width: number) {
  const bytes = readFileSync(new URL("./fixtures/trained-unet-w2.safetensors", import.meta.url));
  const { model, weights } = readModelFile(new Uint8Array(bytes));
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
  return referenceEngine.create({ graph: buildGraph(model), weights, height, width, loss: "l1", adam });
}

/** Largest horizontal step of `tiled − whole`: what tiling adds to the picture where tiles meet. */
function largestJump(tiled: Float32Array, whole: Float32Array): number {
  let largest = 0;
  for (let i = 1; i < whole.length; i++) {
    if (i % WIDTH === 0) continue;
    const here = (tiled[i] as number) - (whole[i] as number);
    const before = (tiled[i - 1] as number) - (whole[i - 1] as number);
    largest = Math.max(largest, Math.abs(here - before));
  }
  return largest;
}

describe("denoiseImage", () => {
  it("leaves no seam that could be seen", async () => {
    const image = noisyDisc();
    const whole = await (await network(HEIGHT, WIDTH)).infer(image.data, 1);
    const shapes = new Set<string>();
    const { data, tiles } = await denoiseImage({
      image,
      infer: async (tile, height, width) => {
        shapes.add(`${height}×${width}`);
        return (await network(height, width)).infer(tile, 1);
      },
    });
    expect(tiles).toBe(2);
    expect([...shapes]).toEqual(["96×384"]);
    expect(largestJump(data, whole)).toBeLessThan(MAX_SEAM_JUMP);

    const side = new Float32Array(whole.length);
    for (const start of [0, WIDTH / 2]) {
      const half = Float32Array.from(
        { length: (WIDTH / 2) * HEIGHT },
        (_, i) => image.data[Math.floor(i / (WIDTH / 2)) * WIDTH + start + (i % (WIDTH / 2))] as number,
      );
      const output = await (await network(HEIGHT, WIDTH / 2)).infer(half, 1);
      output.forEach((value, i) => {
        side[Math.floor(i / (WIDTH / 2)) * WIDTH + start + (i % (WIDTH / 2))] = value;
      });
    }
    expect(largestJump(side, whole)).toBeGreaterThan(VISIBLE_SEAM_JUMP);
  });

  it("gives DnCNN's whole picture tile by tile, at sides that halve nowhere", async () => {
    const width = 601;
    const height = 37;
    const whole = noisyDisc();
    const image: GreyImage = {
      width,
      height,
      data: Float32Array.from(
        { length: width * height },
        (_, i) => whole.data[Math.floor(i / width) * WIDTH + (i % width)] as number,
      ),
    };
    const graph = buildGraph({ name: "dncnn", width: 2, norm: "last" });
    const weights = initialWeights(graph, 5);
    const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    const infer = async (tile: Float32Array<ArrayBuffer>, rows: number, columns: number) => {
      const options = { graph, weights, height: rows, width: columns, loss: "l1", adam } as const;
      return (await referenceEngine.create(options)).infer(tile, 1);
    };
    const { data, tiles } = await denoiseImage({ image, infer, multiple: 1 });
    expect(tiles).toBe(2);
    // Blending weights of two equal values add up to 1 but for float32's rounding.
    expect(
      relativeError(data, await infer(image.data as Float32Array<ArrayBuffer>, height, width)),
    ).toBeLessThan(1e-6);
  });

  const identity = (tile: Float32Array<ArrayBuffer>) => Promise.resolve(tile);
  const blank = (width: number, height: number): GreyImage => ({
    width,
    height,
    data: new Float32Array(width * height).fill(0.5),
  });

  it.each([
    [1, 1, 1],
    [250, 333, 1],
    [576, 576, 1],
    [577, 100, 2],
    [1024, 1024, 4],
    [3000, 2000, 35],
  ])("takes %d×%d in %d tiles of one shape, none larger than 576", async (width, height, expected) => {
    const shapes = new Set<string>();
    const progress: string[] = [];
    const { data, tiles } = await denoiseImage({
      image: blank(width, height),
      infer: (tile, tileHeight, tileWidth) => {
        shapes.add(`${tileHeight} ${tileWidth}`);
        expect(Math.max(tileHeight, tileWidth)).toBeLessThanOrEqual(576);
        expect((tileHeight % 16) + (tileWidth % 16)).toBe(0);
        return identity(tile);
      },
      onProgress: (done, total) => progress.push(`${done}/${total}`),
    });
    expect([tiles, shapes.size, data.length]).toEqual([expected, 1, width * height]);
    expect([progress[0], progress.at(-1)]).toEqual([`0/${tiles}`, `${tiles}/${tiles}`]);
    expect(data.every((value) => Math.abs(value - 0.5) < 1e-6)).toBe(true);
  });

  it("ends between tiles when asked", async () => {
    let done = 0;
    const cancelled = denoiseImage({
      image: blank(1024, 1024),
      infer: (tile) => {
        done++;
        return identity(tile);
      },
      shouldStop: () => done === 2,
    });
    await expect(cancelled).rejects.toMatchObject({ failure: { code: "run/cancelled" } });
    expect(done).toBe(2);
  });
});
