import { describe, expect, it } from "vitest";
import { FIXTURE_NAMES, loadFixture, relativeError } from "./fixtures";

describe("loadFixture", () => {
  it.each(FIXTURE_NAMES)("reads %s whole", async (name) => {
    const fixture = await loadFixture(name);
    const values = 3 * fixture.height * fixture.width;
    expect(fixture.batches).toHaveLength(3);
    expect(fixture.batches[2]?.noisy).toHaveLength(values);
    expect(fixture.losses).toHaveLength(20);
    expect([...fixture.initial.keys()].filter((key) => fixture.gradients.has(key))).toHaveLength(
      fixture.gradients.size,
    );
    expect(fixture.initial.keys().next().value).toMatch(/^(conv(1|0_0)|model\.0\.)/);
    if (fixture.final) expect([...fixture.final.keys()]).toEqual([...fixture.initial.keys()]);
  });
});

describe("relativeError", () => {
  it("is relative to the largest expected value", () => {
    expect(relativeError([1, 10.5], [1, 10])).toBeCloseTo(0.05);
    expect(relativeError([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
    expect(relativeError([Number.NaN, 1], [1, 1])).toBe(Number.POSITIVE_INFINITY);
  });
});
