import { describe, expect, it } from "vitest";
import type { Setup } from "@/contracts/runConfig";
import { epochOrder } from "../batches";
import {
  apportion,
  divide,
  evenGroups,
  paddedOrder,
  sharesBySpeed,
  stepParts,
  withoutLone,
} from "./sharding";

const range = (length: number) => Uint32Array.from({ length }, (_, i) => i);
const ddp = (replicas: number): Setup => ({ kind: "ddp", replicas });
const lists = (parts: readonly Uint32Array[]) => parts.map((part) => [...part]);

describe("shards", () => {
  it("are those of DistributedSampler: padded to equal length, every N-th image", () => {
    // torch.utils.data.DistributedSampler over 10 images, 3 replicas, shuffle = False.
    const shard = (rank: number) =>
      Array.from({ length: 2 }, (_, step) => [
        ...(stepParts(ddp(3), range(10), step, 2, [1, 1, 1])[rank] ?? []),
      ]);
    expect(shard(0)).toEqual([
      [0, 3],
      [6, 9],
    ]);
    expect(shard(1)).toEqual([
      [1, 4],
      [7, 0],
    ]);
    expect(shard(2)).toEqual([
      [2, 5],
      [8, 1],
    ]);
    expect([...paddedOrder(range(2), 5)]).toEqual([0, 1, 0, 1, 0]);
  });

  it("hold every image once an epoch, in another order each epoch, the same for the same seed", () => {
    const parts = (epoch: number) =>
      [0, 1, 2].map((step) => lists(stepParts(ddp(2), epochOrder(range(12), 42, epoch), step, 2, [1, 1])));
    expect(
      parts(1)
        .flat(2)
        .sort((a, b) => a - b),
    ).toEqual([...range(12)]);
    expect(parts(1)).toEqual(parts(1));
    expect(parts(1)).not.toEqual(parts(2));
  });

  it("together are the batch of one replica with N times the batch size", () => {
    for (const shares of [
      [1, 1],
      [3, 1],
      [0, 1],
    ])
      for (const kind of ["ddp", "dp"] as const) {
        const parts = stepParts({ kind, replicas: 2 }, range(32), 1, 4, shares);
        expect(
          lists(parts)
            .flat()
            .sort((a, b) => a - b),
        ).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
      }
    expect(lists(stepParts(ddp(2), range(32), 0, 4, [3, 1]))).toEqual([
      [0, 1, 3, 4, 5, 7],
      [2, 6],
    ]);
  });

  it("of DataParallel are torch.chunk's pieces", () => {
    const dp = (images: number, replicas: number) =>
      lists(divide("dp", range(images), Array<number>(replicas).fill(1)));
    expect(dp(7, 3)).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(dp(4, 3)).toEqual([[0, 1], [2, 3], []]);
    expect(dp(1, 2)).toEqual([[0], []]);
  });
});

describe("the master", () => {
  it("has an image in every step, however small its share and the step", () => {
    for (const replicas of [2, 3])
      for (const shares of [
        [0.3, 0.7, 0.9],
        [0.01, 1, 1],
      ])
        for (let images = 1; images <= 12; images++) {
          const parts = stepParts({ kind: "dp", replicas }, range(images), 0, 4, shares.slice(0, replicas));
          expect(parts[0]?.length).toBeGreaterThan(0);
          expect(parts.flatMap((part) => [...part])).toEqual([...range(Math.min(images, 4 * replicas))]);
        }
  });
});

describe("apportion", () => {
  it("follows the shares, adds up, and leaves nobody without", () => {
    expect(apportion(8, [1, 1])).toEqual([4, 4]);
    expect(apportion(8, [3, 1])).toEqual([6, 2]);
    expect(apportion(8, [100, 1])).toEqual([7, 1]);
    expect(apportion(3, [1, 1])).toEqual([2, 1]);
    expect(apportion(8, [1, 0, 1])).toEqual([4, 0, 4]);
    for (let total = 3; total < 40; total++) {
      const counts = apportion(total, [0.31, 0.5, 0.19]);
      expect(counts.reduce((sum, count) => sum + count)).toBe(total);
      expect(Math.min(...counts)).toBeGreaterThan(0);
    }
  });
});

it("evenGroups cuts what is too much for a device, evenly", () => {
  expect(lists(evenGroups(range(7), 3))).toEqual([
    [0, 1],
    [2, 3],
    [4, 5, 6],
  ]);
  expect(lists(evenGroups(range(4), 4))).toEqual([[0, 1, 2, 3]]);
  expect(evenGroups(range(0), 4)).toEqual([]);
});

it("evenGroups leaves no image alone where that is asked", () => {
  expect(lists(evenGroups(range(3), 2))).toEqual([[0], [1, 2]]);
  expect(lists(evenGroups(range(3), 2, 2))).toEqual([[0, 1, 2]]);
  expect(lists(evenGroups(range(5), 2, 2))).toEqual([
    [0, 1],
    [2, 3, 4],
  ]);
  expect(lists(evenGroups(range(1), 2, 2))).toEqual([[0]]);
});

it("withoutLone gives a lone image company", () => {
  const parts = (...lengths: number[]) => {
    let first = 0;
    return lengths.map((length) => {
      first += length;
      return range(100).subarray(first - length, first);
    });
  };
  expect(lists(withoutLone(parts(1, 4)))).toEqual([
    [0, 4],
    [1, 2, 3],
  ]);
  expect(lists(withoutLone(parts(2, 1)))).toEqual([[0, 1, 2], []]);
  expect(lists(withoutLone(parts(1, 1, 1)))).toEqual([[0, 1, 2], [], []]);
  expect(lists(withoutLone(parts(0, 2, 3)))).toEqual([[], [0, 1], [2, 3, 4]]);
  expect(lists(withoutLone(parts(0, 1)))).toEqual([[], [0]]);
});

it("sharesBySpeed leaves devices that are about as fast equal", () => {
  expect(sharesBySpeed([10, 10.9])).toEqual([1, 1]);
  expect(sharesBySpeed([10, 0, 9.5])).toEqual([1, 0, 1]);
  expect(sharesBySpeed([30, 10])).toEqual([30, 10]);
});
