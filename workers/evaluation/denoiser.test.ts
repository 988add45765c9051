import { describe, expect, it } from "vitest";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import { inferencePrecision } from "./denoiser";

describe("inferencePrecision", () => {
  const mixed = { ...DEFAULT_CONFIG, engine: { ...DEFAULT_CONFIG.engine, precision: "mixed" } };

  it("is the one that the model was trained in, where the engine has it", () => {
    expect(inferencePrecision({ config: JSON.stringify(mixed) }, "webgpu")).toBe("mixed");
    expect(inferencePrecision({ config: JSON.stringify(mixed) }, "tfjs-wasm")).toBe("f32");
    expect(inferencePrecision({ config: JSON.stringify(DEFAULT_CONFIG) }, "webgpu")).toBe("f32");
  });

  it("is float32 for weights from elsewhere", () => {
    expect(inferencePrecision({}, "webgpu")).toBe("f32");
    expect(inferencePrecision({ config: "width=64" }, "webgpu")).toBe("f32");
  });
});
