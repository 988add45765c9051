import { describe, expect, it } from "vitest";
import type { ImageReader } from "@/contracts/dataset";
import { PairMaker } from "./batches";
import { LinearExecutor, linearWeights } from "./linearExecutor.fixture";
import { Previewer, spread } from "./preview";

const SIZE = 16;
const reader: ImageReader = {
  count: 40,
  size: SIZE,
  patientKeys: [],
  read: async (indices) =>
    Uint8Array.from(
      { length: indices.length * SIZE * SIZE },
      (_, i) => ((indices[Math.floor(i / (SIZE * SIZE))] as number) + i) % 256,
    ),
};
const noise = { mean: 0, std: 0.2, draw: "fresh" as const };

describe("the preview", () => {
  it("takes the same few images, spread over the validation set", () => {
    expect([...spread(3, 4)]).toEqual([0, 1, 2]);
    expect([...spread(100, 4)]).toEqual([12, 37, 62, 87]);
  });

  it("comes every two seconds at first, more seldom later, and costs a twentieth at most", async () => {
    const renderedAt = async (costMs: number, untilMs: number): Promise<number[]> => {
      let clockMs = 0;
      const executor = new LinearExecutor(linearWeights());
      const infer = executor.infer.bind(executor);
      executor.infer = (noisy) => {
        clockMs += costMs;
        return infer(noisy);
      };
      const pairs = new PairMaker(reader, noise, 1);
      const previewer = new Previewer(executor, pairs, Uint32Array.of(1, 2, 3), SIZE, () => clockMs);
      const times: number[] = [];
      for (; clockMs < untilMs; clockMs += 100)
        if (previewer.isDue()) {
          times.push(clockMs);
          await previewer.render(1, 1);
        }
      return times;
    };
    const cheap = await renderedAt(1, 600_000);
    expect(cheap.filter((at) => at < 10_000).length).toBeGreaterThanOrEqual(4);
    expect(cheap.length).toBeLessThan(60);
    expect((await renderedAt(5000, 600_000)).length).toBeLessThanOrEqual(0.05 * (600_000 / 5000) + 1);
  });

  it("shows grey values and their PSNR", async () => {
    const previewer = new Previewer(
      new LinearExecutor(linearWeights()),
      new PairMaker(reader, noise, 1),
      Uint32Array.of(7, 9),
      SIZE,
      () => 0,
    );
    const { strip, denoised } = await previewer.render(3, 1);
    expect(strip).toMatchObject({ count: 2, size: SIZE, step: 3, epoch: 1 });
    expect(denoised.length).toBe(2 * SIZE * SIZE);
    // The network of these weights changes nothing.
    expect(strip.denoised).toEqual(strip.noisy);
    expect(strip.psnrDb).toEqual(strip.noisyPsnrDb);
    expect(strip.clean).toEqual(await reader.read([7, 9]));
    for (const psnr of strip.psnrDb) expect(psnr).toBeGreaterThan(10);
  });

  it("takes the images out of a validation's batches as it would render them", async () => {
    const validation = Uint32Array.from({ length: 11 }, (_, i) => 3 * i);
    const pairs = new PairMaker(reader, noise, 1);
    const executor = new LinearExecutor(
      new Map(
        [...linearWeights()].map(([name, tensor], i) => [
          name,
          i === 1 ? { ...tensor, data: Float32Array.of(0.125) } : tensor,
        ]),
      ),
    );
    const previewer = new Previewer(executor, pairs, validation, SIZE, () => 0);
    for (let first = 0; first < 11; first += 4) {
      const batch = await pairs.pairs(validation.subarray(first, first + 4), 0);
      previewer.seen(first, batch.images, await executor.infer(batch.noisy));
    }
    const { strip, denoised } = await previewer.afterValidation(9, 2);
    const rendered = await previewer.render(9, 2);
    expect(strip).toEqual(rendered.strip);
    expect(denoised).toEqual(rendered.denoised);
    expect(strip.denoised).not.toEqual(strip.noisy);
  });
});
