import { describe, expect, it } from "vitest";
import { PURPOSE, philox4x32, RandomStream } from "./random";

/** Known answers of the Random123 distribution (`kat_vectors`, philox4x32 10). */
const KNOWN: {
  counter: [number, number, number, number];
  key: [number, number];
  words: number[];
}[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

describe("philox4x32", () => {
  it.each(KNOWN)("matches Random123 for counter $counter", ({ counter, key, words }) => {
    const out = new Uint32Array(4);
    philox4x32(...counter, ...key, out, 0);
    expect([...out]).toEqual([...words]);
  });
});

describe("RandomStream", () => {
  it("gives the same numbers for the same key and others for another index", () => {
    const numbers = (index: number) => {
      const stream = new RandomStream(42, PURPOSE.shuffle, index);
      return Array.from({ length: 9 }, () => stream.nextUint32());
    };
    expect(numbers(1)).toEqual(numbers(1));
    expect(numbers(1)).not.toEqual(numbers(2));
  });

  it("permutes without loss and without bias", () => {
    const counts = new Uint32Array(25);
    for (let visit = 0; visit < 5000; visit++) {
      const order = new RandomStream(7, PURPOSE.shuffle, 0, visit).permutation(5);
      expect([...order].sort()).toEqual([0, 1, 2, 3, 4]);
      order.forEach((value, place) => {
        counts[place * 5 + value] = (counts[place * 5 + value] as number) + 1;
      });
    }
    // Binomial(5000, 0.2): 5 standard deviations are 141.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(141);
  });
});
