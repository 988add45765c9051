import { describe, expect, it } from "vitest";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { agreeing, chooseEngine } from "./chooseEngine";
import { availableEngines, getEngine } from "./registry";

const graph = buildGraph({ name: "unet", width: 2, norm: "last" });
const options = {
  executorOptions: {
    graph,
    weights: initialWeights(graph, 1),
    height: 32,
    width: 32,
    loss: "l1",
    adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  },
  batchSize: 4,
} as const;

describe("registry", () => {
  it("knows what runs in Node, and says why the others do not", async () => {
    expect(await availableEngines()).toEqual(["tfjs-wasm", "tfjs-cpu"]);
    expect(await getEngine("tfjs-webgpu").unavailable()).toMatch(/WebGPU/);
    await expect(getEngine("tfjs-webgpu").create(options.executorOptions)).rejects.toThrow(
      "engine/unavailable",
    );
    expect(getEngine("reference").name).toBe("reference");
  });
});

describe("chooseEngine", () => {
  it("takes WebAssembly before plain JavaScript, with the time it measured", async () => {
    const notes: string[] = [];
    const { engine, timingsMs } = await chooseEngine({
      ...options,
      onNote: (note) => notes.push(note),
    });
    expect(engine.name).toBe("tfjs-wasm");
    expect(Object.keys(timingsMs)).toEqual(["tfjs-wasm"]);
    expect(timingsMs["tfjs-wasm"]).toBeGreaterThan(0);
    expect(notes).toEqual(["Measuring tfjs-wasm"]);
  });
  it("stops when told to", async () => {
    await expect(chooseEngine({ ...options, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });
});

describe("agreeing", () => {
  it("drops what computes something else than WebAssembly", () => {
    const losses = new Map([
      ["webgpu", 0.7],
      ["tfjs-webgpu", Number.NaN],
      ["tfjs-webgl", 0.5001],
      ["tfjs-wasm", 0.5],
    ] as const);
    expect(agreeing(losses)).toEqual(["tfjs-webgl", "tfjs-wasm"]);
  });
  it("keeps all where WebAssembly was not measured", () => {
    expect(agreeing(new Map([["webgpu", 0.7]]))).toEqual(["webgpu"]);
  });
});
