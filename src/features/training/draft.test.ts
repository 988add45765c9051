import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, parseRunConfig } from "@/contracts/runConfig";
import { hasConfig, PRESETS, suggestName, whyNot } from "./draft";

describe("whyNot", () => {
  it("names what this version cannot run, one thing at a time", () => {
    expect(whyNot(DEFAULT_CONFIG, { name: "tfjs-wasm" })).toBeNull();
    expect(whyNot(DEFAULT_CONFIG, { setup: "dp:2" })).toBeNull();
    expect(whyNot(DEFAULT_CONFIG, { name: "tfjs-cpu", precision: "mixed" })).toContain("tfjs-cpu");
    const mixed = { ...DEFAULT_CONFIG, engine: { ...DEFAULT_CONFIG.engine, precision: "mixed" as const } };
    expect(whyNot(mixed, { name: "auto" })).toBeNull();
  });
});

describe("PRESETS", () => {
  it.each(PRESETS)("$label gives a config that parses", ({ apply }) => {
    expect(parseRunConfig(apply(DEFAULT_CONFIG)).ok).toBe(true);
  });

  it("leave a stored dataset at its size", () => {
    const stored = { ...DEFAULT_CONFIG, data: { ...DEFAULT_CONFIG.data, source: "dataset:a", size: 128 } };
    for (const { apply } of PRESETS) expect(apply(stored).data.size).toBe(128);
  });
});

describe("hasConfig", () => {
  it("tells a config from other keys of an address", () => {
    expect(hasConfig("data.size=64")).toBe(true);
    expect(hasConfig("?seed=3")).toBe(true);
    expect(hasConfig("demo=off")).toBe(false);
    expect(hasConfig("")).toBe(false);
  });
});

it("suggests a name that says what the run is", () => {
  expect(suggestName(DEFAULT_CONFIG)).toBe("U-Net w64, σ 0.1, 256²");
});
