import { describe, expect, it } from "vitest";
import type { ModelSummary } from "@/contracts/run";
import { dncnn, modelFor, noiseOf } from "./dncnn";
import { describedMethod, methodNamed } from "./registry";

const noise = (std: number, mean = 0) => ({ mean, std, draw: "fresh" }) as const;
const model = (id: string, over: Partial<ModelSummary> = {}): ModelSummary => ({
  id,
  name: id,
  runId: null,
  kind: "imported",
  model: { name: "dncnn", width: 64, norm: "none" },
  noise: null,
  createdAt: 0,
  byteLength: 1,
  ...over,
});
const chosen = (models: readonly ModelSummary[], std = 0.1, mean = 0): string | null =>
  modelFor(dncnn, models, { std, mean }, "own")?.id ?? null;

describe("the weights that stand for DnCNN", () => {
  it("are told their noise by the file, or by the name under which they are published", () => {
    expect(noiseOf({ name: "dncnn_25", noise: null })?.std).toBeCloseTo(25 / 255, 12);
    expect(noiseOf({ name: "dncnn_25", noise: noise(0.3) })?.std).toBe(0.3);
    expect(noiseOf({ name: "mine_25", noise: null })).toBeNull();
  });

  it("are those of the nearest noise", () => {
    const published = ["dncnn_15", "dncnn_25", "dncnn_50"].map((id) => model(id));
    expect(chosen(published, 0.05)).toBe("dncnn_15");
    expect(chosen(published, 0.1)).toBe("dncnn_25");
    expect(chosen(published, 0.3)).toBe("dncnn_50");
    expect(chosen([model("unknown"), ...published], 0.3)).toBe("dncnn_50");
    const shifted = [model("a", { noise: noise(0.1) }), model("b", { noise: noise(0.1, 0.1) })];
    expect(chosen(shifted, 0.1, 0.1)).toBe("b");
  });

  it("are imported ones before those of runs, best before last, and never the run's own", () => {
    const trained = { kind: "best", noise: noise(0.1), runId: "other" } as const;
    const runs = [model("last", { ...trained, kind: "last" }), model("best", trained)];
    expect(chosen(runs)).toBe("best");
    expect(chosen([...runs, model("unknown")])).toBe("unknown");
    expect(chosen([model("mine", { ...trained, runId: "own" })])).toBeNull();
  });

  it("are of no other network", () => {
    expect(chosen([model("unet", { model: { name: "unet", width: 8, norm: "last" } })])).toBeNull();
  });
});

it("is described with the methods, but does not run without weights", () => {
  expect(describedMethod("dncnn").title).toBe("DnCNN");
  expect(() => methodNamed("dncnn")).toThrow("config/baseline");
});
