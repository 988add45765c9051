import { describe, expect, it } from "vitest";
import {
  applyMode,
  configFromQuery,
  configToQuery,
  DEFAULT_CONFIG,
  parseRunConfig,
  type RunConfig,
  setupOf,
  unsupported,
  withNetwork,
} from "./runConfig";

const failureOf = (json: unknown) => {
  const outcome = parseRunConfig(json);
  if (outcome.ok) throw new Error("accepted");
  return outcome.failure;
};

describe("the networks of a config", () => {
  const normOf = (model: object) => {
    const outcome = parseRunConfig({ model });
    return outcome.ok ? outcome.value.model.norm : outcome.failure.message;
  };

  it("have norms of their own", () => {
    expect(normOf({ name: "dncnn" })).toBe("last");
    expect(normOf({ name: "dncnn", norm: "none" })).toBe("none");
    expect(normOf({ name: "dncnn", norm: "both" })).toBe(
      'model.norm is "both"; it must be one of last, none.',
    );
    expect(normOf({ norm: "none" })).toBe('model.norm is "none"; it must be one of last, both.');
  });

  it("keep width and, where they can, norm when one is chosen", () => {
    const both = { name: "unet", width: 8, norm: "both" } as const;
    expect(withNetwork(both, "unetpp")).toEqual({ name: "unetpp", width: 8, norm: "both" });
    expect(withNetwork(both, "dncnn")).toEqual({ name: "dncnn", width: 8, norm: "last" });
  });
});

describe("parseRunConfig", () => {
  it("fills missing fields with the defaults of the mode", () => {
    expect(parseRunConfig({})).toEqual({ ok: true, value: DEFAULT_CONFIG });
    const paper = parseRunConfig({ mode: "paper", model: { name: "unetpp" } });
    if (!paper.ok) throw new Error(paper.failure.message);
    expect(paper.value.noise).toEqual({ mean: 0.1, std: 0.1, draw: "once" });
    expect(paper.value.data.splitBy).toBe("image");
    expect(paper.value.model).toEqual({ name: "unetpp", width: 64, norm: "last" });
  });

  it.each([
    [{ schemaVersion: 2 }, "config/newer"],
    [{ data: { size: 100 } }, "shape/size"],
    [{ model: { width: 0 } }, "config/invalid"],
    [{ colour: "red" }, "config/invalid"],
    [{ data: { split: [0.5, 0.5, 0.5] } }, "config/invalid"],
    [[], "config/invalid"],
  ])("refuses %j", (json, code) => {
    const failure = failureOf(json);
    expect(failure.code).toBe(code);
    expect(failure.remedy).toMatch(/\.$/);
  });
});

describe("the query string", () => {
  it("carries exactly what differs from the defaults", () => {
    const config: RunConfig = {
      ...applyMode(DEFAULT_CONFIG, "paper"),
      seed: 7,
      model: { name: "unetpp", width: 8, norm: "both" },
      data: { ...applyMode(DEFAULT_CONFIG, "paper").data, source: "phantom:64", size: 64 },
    };
    expect(configFromQuery(configToQuery(config))).toEqual({ ok: true, value: config });
    expect(configToQuery(DEFAULT_CONFIG)).toBe("");
    expect(configFromQuery("tab=1")).toEqual({ ok: true, value: DEFAULT_CONFIG });
  });
});

describe("setupOf", () => {
  it.each([
    ["single", { kind: "single", replicas: 1 }],
    ["dp:2", { kind: "dp", replicas: 2 }],
    ["ddp:16", { kind: "ddp", replicas: 16 }],
  ])("reads %s", (setup, expected) => {
    const config: RunConfig = { ...DEFAULT_CONFIG, engine: { ...DEFAULT_CONFIG.engine, setup } };
    expect(setupOf(config)).toEqual(expected);
    expect(unsupported(config)).toBeNull();
  });
});

describe("unsupported", () => {
  it("names what is missing", () => {
    expect(unsupported(DEFAULT_CONFIG)).toBeNull();
    const replicas: RunConfig = { ...DEFAULT_CONFIG, engine: { ...DEFAULT_CONFIG.engine, setup: "ddp:2" } };
    expect(unsupported(replicas)).toBeNull();
    const many = { ...replicas, engine: { ...replicas.engine, setup: "ddp:32" } };
    expect(parseRunConfig(many)).toMatchObject({ ok: true });
    expect(unsupported(many)).toMatchObject({ message: expect.stringContaining("16 replicas") });
    for (const setup of ["ddp:1", "ddp:0", "ddp:012", "dp", "ddp:2.5"])
      expect(parseRunConfig({ ...many, engine: { ...many.engine, setup } }).ok, setup).toBe(false);
    const evaluation = { ...DEFAULT_CONFIG.evaluation, baselines: ["bm3d"] };
    expect(unsupported({ ...DEFAULT_CONFIG, evaluation })).toBeNull();
  });

  it("has mixed precision on the engine that computes in it", () => {
    const on = (name: RunConfig["engine"]["name"]) =>
      unsupported({ ...DEFAULT_CONFIG, engine: { ...DEFAULT_CONFIG.engine, name, precision: "mixed" } });
    expect(on("auto")).toBeNull();
    expect(on("webgpu")).toBeNull();
    expect(on("tfjs-wasm")?.message).toContain("tfjs-wasm");
  });
});
