import { describe, expect, it } from "vitest";
import { RandomStream } from "@/contracts/random";
import { type Split, splitDataset } from "./split";

const PAPER_SHARES = [0.5, 0.33, 0.17] as const;
const distinct = (images: number): string[] => Array.from({ length: images }, (_, i) => `p${i}`);
const all = ({ train, validation, test }: Split): number[] =>
  [...train, ...validation, ...test].sort((a, b) => a - b);
const sizes = ({ train, validation, test }: Split): number[] => [
  train.length,
  validation.length,
  test.length,
];

describe("a split by image", () => {
  it.each([
    [14_999, [7499, 4949, 2551]],
    [64, [32, 21, 11]],
    [100, [50, 33, 17]],
    [3, [1, 1, 1]],
    [4, [2, 1, 1]],
  ])("cuts %i images as the study does", (images, expected) => {
    const split = splitDataset({
      patientKeys: distinct(images),
      shares: PAPER_SHARES,
      by: "image",
      seed: 42,
    });
    expect(sizes(split)).toEqual(expected);
    expect(all(split)).toEqual(Array.from({ length: images }, (_, i) => i));
  });

  it("depends on the seed and on nothing else", () => {
    const of = (seed: number, patientKeys: string[]) =>
      splitDataset({ patientKeys, shares: PAPER_SHARES, by: "image", seed });
    expect(of(1, distinct(50))).toEqual(of(1, distinct(50).fill("same")));
    expect(of(1, distinct(50))).not.toEqual(of(2, distinct(50)));
  });
});

describe("a split by patient", () => {
  /** Between 1 and 12 images a patient, in the mixed order of an import. */
  const patientKeys = (patients: number, seed: number): string[] => {
    const random = new RandomStream(seed, 1, 99);
    const keys: string[] = [];
    for (let patient = 0; patient < patients; patient++)
      for (let image = random.nextInteger(12); image >= 0; image--) keys.push(`p${patient}`);
    return [...random.permutation(keys.length)].map((place) => keys[place] as string);
  };

  it.each([3, 4, 10, 57, 400])("keeps each of %i patients on one side", (patients) => {
    for (const seed of [0, 1, 42, 4294967295]) {
      const keys = patientKeys(patients, seed);
      const split = splitDataset({ patientKeys: keys, shares: PAPER_SHARES, by: "patient", seed });
      expect(all(split)).toEqual(Array.from({ length: keys.length }, (_, i) => i));
      const sides = [split.train, split.validation, split.test].map(
        (part) => new Set(Array.from(part, (index) => keys[index])),
      );
      expect(sides.reduce((sum, side) => sum + side.size, 0)).toBe(new Set(keys).size);
      for (const side of sides) expect(side.size).toBeGreaterThan(0);
      expect(splitDataset({ patientKeys: keys, shares: PAPER_SHARES, by: "patient", seed })).toEqual(split);
    }
  });

  it("fills each part to within half a patient of its share", () => {
    const keys = patientKeys(400, 5);
    const split = splitDataset({ patientKeys: keys, shares: PAPER_SHARES, by: "patient", seed: 5 });
    // A patient has at most 12 images: adding one more or one less would be farther from the share.
    expect(Math.abs(split.train.length - 0.5 * keys.length)).toBeLessThanOrEqual(6);
    expect(Math.abs(split.validation.length - 0.33 * keys.length)).toBeLessThanOrEqual(6);
  });
});

describe("too few", () => {
  it.each([
    ["image", distinct(1), /only one image/, /Import/],
    ["patient", distinct(1), /only one image/, /Import/],
    ["image", distinct(2), /2 images/, /Import/],
    ["patient", distinct(20).fill("p"), /one patient/, /by image/],
    ["patient", ["a", "b", "a", "b"], /2 patients/, /by image/],
  ] as const)("by %s of %j is refused in words", (by, patientKeys, message, remedy) => {
    expect(() => splitDataset({ patientKeys, shares: PAPER_SHARES, by, seed: 1 })).toThrow(
      expect.objectContaining({
        failure: {
          code: "data/too-few",
          message: expect.stringMatching(message),
          remedy: expect.stringMatching(remedy),
        },
      }),
    );
  });
});
