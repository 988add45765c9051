import { describe, expect, it } from "vitest";
import type { ImageReader } from "@/contracts/dataset";
import { applyMode, DEFAULT_CONFIG } from "@/contracts/runConfig";
import { batchIndices, epochOrder, PairMaker, trainingVisit } from "./batches";

const SIZE = 4;
const reader: ImageReader = {
  count: 10,
  size: SIZE,
  patientKeys: [],
  read: async (indices) =>
    Uint8Array.from({ length: indices.length * SIZE * SIZE }, (_, i) => {
      const index = indices[Math.floor(i / (SIZE * SIZE))] as number;
      return 100 + index * 10 + (i % 16);
    }),
};
const noise = (mode: "paper" | "sound") => applyMode(DEFAULT_CONFIG, mode).noise;

describe("epochOrder", () => {
  it("sees every training image once, in an order of the seed and the epoch", () => {
    const train = Uint32Array.from({ length: 37 }, (_, i) => 3 * i);
    const order = epochOrder(train, 42, 1);
    expect([...order].sort((a, b) => a - b)).toEqual([...train]);
    expect(epochOrder(train, 42, 1)).toEqual(order);
    expect(epochOrder(train, 42, 2)).not.toEqual(order);
    expect(epochOrder(train, 43, 1)).not.toEqual(order);
  });

  it("is cut into batches, the last one short", () => {
    const order = Uint32Array.from({ length: 10 }, (_, i) => i);
    expect([0, 1, 2].map((number) => [...batchIndices(order, number, 4)])).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
  });
});

describe("noise of a visit", () => {
  it("is the same in all epochs in paper mode, and new in each in sound mode", async () => {
    const at = async (mode: "paper" | "sound", epoch: number) => {
      const pairs = new PairMaker(reader, noise(mode), 42);
      return (await pairs.pairs(Uint32Array.of(3, 7), trainingVisit(noise(mode), epoch))).noisy;
    };
    expect(await at("paper", 1)).toEqual(await at("paper", 2));
    expect(await at("sound", 1)).toEqual(await at("sound", 1));
    expect(await at("sound", 1)).not.toEqual(await at("sound", 2));
  });

  it("never repeats in training what validation and test see, in sound mode", () => {
    for (const epoch of [1, 2, 50]) expect(trainingVisit(noise("sound"), epoch)).not.toBe(0);
    expect(trainingVisit(noise("paper"), 7)).toBe(0);
  });

  it("belongs to the image, wherever it stands in a batch", async () => {
    const pairs = new PairMaker(reader, noise("sound"), 42);
    const together = await pairs.pairs(Uint32Array.of(3, 7), 5);
    const alone = await pairs.pairs(Uint32Array.of(7), 5);
    expect(together.noisy.slice(16)).toEqual(alone.noisy);
    expect(together.clean.slice(16)).toEqual(alone.clean);
    expect(alone.clean[1]).toBe(Math.fround(171 / 255));
    expect(together.images).toBe(2);
  });
});
