import { describe, expect, it } from "vitest";
import type { TuningEntry } from "@/contracts/engineLab";
import type { AdapterInfo } from "@/contracts/training";
import { byDevice, gainOf, isDevice } from "./tuningFacts";

const HERE: AdapterInfo = {
  vendor: "nvidia",
  architecture: "ampere",
  device: "",
  description: "",
  isFallbackAdapter: false,
};
const entry = (device: string, kernel: string, ms: number, defaultMs: number): TuningEntry => ({
  device,
  kernel,
  variant: ms < defaultMs ? "tile" : "lane",
  ms,
  defaultVariant: "lane",
  defaultMs,
  measuredAtMs: 0,
});

describe("isDevice", () => {
  it("wants everything that the browser tells of the adapter", () => {
    expect(isDevice("nvidia ampere, driver 550", HERE)).toBe(true);
    expect(isDevice("nvidia turing", HERE)).toBe(false);
    expect(isDevice("nvidia ampere", { ...HERE, vendor: "", architecture: "" })).toBe(false);
  });
});

describe("byDevice", () => {
  it("puts the device at hand first, and in each what saved most", () => {
    const devices = byDevice(
      [
        entry("apple m2", "a", 1, 2),
        entry("nvidia ampere", "b", 1, 2),
        entry("nvidia ampere", "c", 1, 9),
        entry("nvidia ampere", "d", 3, 3),
      ],
      HERE,
    );
    expect(devices.map(({ device, here, changed }) => [device, here, changed])).toEqual([
      ["nvidia ampere", true, 2],
      ["apple m2", false, 1],
    ]);
    expect(devices[0]?.entries.map(({ kernel }) => kernel)).toEqual(["c", "b", "d"]);
  });

  it("knows no device at hand before there is an adapter", () => {
    expect(byDevice([entry("apple m2", "a", 1, 2)], null)[0]?.here).toBe(false);
  });
});

it("gain is how many times faster; a clock that says 0 gains nothing", () => {
  expect(gainOf(entry("d", "k", 2, 5))).toBe(2.5);
  expect(gainOf(entry("d", "k", 0, 5))).toBe(1);
});
