import { expect, it } from "vitest";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { chooseEngine } from "./chooseEngine";

/** Ten seconds on two quiet cores, and as much again for what else the machine does during tests. */
const LONGEST_CHOICE_MS = 20_000;

it("takes what it measured to be fastest, within seconds", async () => {
  const graph = buildGraph({ name: "unet", width: 8, norm: "last" });
  const start = performance.now();
  const { engine, timingsMs } = await chooseEngine({
    executorOptions: {
      graph,
      weights: initialWeights(graph, 1),
      height: 64,
      width: 64,
      loss: "l1",
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    },
    batchSize: 4,
  });
  expect(performance.now() - start).toBeLessThan(LONGEST_CHOICE_MS);
  expect(timingsMs[engine.name]).toBe(Math.min(...Object.values(timingsMs)));
  expect(timingsMs["tfjs-wasm"]).toBeGreaterThan(0);
  expect(timingsMs).not.toHaveProperty("tfjs-cpu");
});
