import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { describe, expect, it } from "vitest";
import { createFor } from "../fixtureRun";
import { FIXTURE_NAMES, loadFixture } from "../fixtures";
import { checkCalledOff, checkSynchronised } from "../synchroniserChecks";
import { acquireBackend, makeCurrent, releaseBackend } from "./backend";
import { tfjsEngine } from "./engine";
import {
  checkAnySize,
  checkFlat,
  checkGradients,
  checkMomentsLate,
  checkNoLeak,
  checkPooling,
  checkSameBits,
  checkStates,
  checkTraining,
  checkWeightsBetweenSteps,
  type Tolerances,
} from "./engineChecks";

/**
 * Ten times what XNNPACK's float32 sums were measured to be off: losses 1.4e-7, gradients 1.3e-5, final weights 5.2e-5,
 * images 9.5e-7. PyTorch's own float32 run is as far from its float64 run.
 */
const TOLERANCES: Tolerances = { losses: 1.5e-6, gradients: 1.5e-4, final: 5e-4, inferred: 1e-5 };
/** Roundings of BatchNorm's statistics, exchanged as float32, drift: DnCNN's losses are 3.1e-6 off at step 16, twice TOLERANCES. */
const SYNCHRONISED_STEPS = 15;
const engine = tfjsEngine("wasm");

describe.each(FIXTURE_NAMES)("tfjs-wasm against PyTorch: %s", (name) => {
  it("has the gradients of the first step", () => checkGradients(engine, name, TOLERANCES));
  it("has the losses of 20 steps, the final weights and their output", () =>
    checkTraining(engine, name, TOLERANCES));
});

describe("tfjs-wasm", () => {
  it("gives the same bits twice", () => checkSameBits(engine, "unet", 5));
  it("takes sides that halve nowhere", () => checkAnySize(engine));
  it.each(["unet", "dncnn"] as const)("keeps no tensor of %s over 50 steps, and none after dispose", (name) =>
    checkNoLeak(engine, name, 50),
  );
  it("reads back what was written, and continues from it", () => checkStates(engine, "unet"));
  it("goes on from weights written between two steps", () => checkWeightsBetweenSteps(engine, "unet"));
  it("exchanges gradients and parameters as they lie", () => checkFlat(engine, "unet"));
  it.each(["unet", "unetpp", "unet-both", "dncnn"] as const)("with synchronised BatchNorm: %s", (name) =>
    checkSynchronised(engine, name, { ...TOLERANCES, running: 1e-5 }, SYNCHRONISED_STEPS),
  );
  it("lets go of a batch that is called off", async () => {
    const tf = await import("@tensorflow/tfjs-core");
    await checkCalledOff(engine, "unet", [0, 8, 9, 17], () => tf.engine().state.numTensors);
    expect(tf.engine().state.numTensors).toBe(0);
  });
  it("has no moments of Adam before it trains", () => checkMomentsLate(engine, "unet"));
  it("refuses weights of another network and leaves nothing behind", async () => {
    const tf = await import("@tensorflow/tfjs-core");
    const fixture = await loadFixture("unet");
    const other = await loadFixture("unetpp");
    await expect(createFor(engine, { ...fixture, initial: other.initial })).rejects.toThrow("weights/");
    expect(tf.engine().state.numTensors).toBe(0);
  });
  it.each(["running_mean", "running_var"])("keeps its weights where others lack a right %s", async (kind) => {
    const fixture = await loadFixture("unet");
    const executor = await createFor(engine, fixture);
    const name = [...fixture.initial.keys()].find((key) => key.endsWith(kind)) ?? "";
    const others = new Map(
      [...fixture.initial].map(([key, tensor]) => [key, { ...tensor, data: tensor.data.map(() => 1) }]),
    );
    const channels = fixture.initial.get(name)?.data.length ?? 0;
    for (const data of [null, new Float32Array(channels + 1), new Float32Array(2 ** 16)]) {
      const wrong = new Map(others);
      if (data) wrong.set(name, { shape: [data.length], data });
      else wrong.delete(name);
      await expect(executor.writeWeights(wrong)).rejects.toThrow("weights/");
      expect(await executor.readWeights()).toEqual(fixture.initial);
    }
    await executor.dispose();
  });
  it("sends a pooled gradient to the first of equal maxima", () => checkPooling("wasm"));
  it("says when its memory does not suffice", async () => {
    const backend = await acquireBackend("wasm");
    makeCurrent(backend);
    const wasm = backend.tf.backend() as BackendWasm;
    for (const floats of [2 ** 30 - 2 ** 14, 2 ** 30 + 1])
      expect(() => wasm.makeOutput([floats], "float32")).toThrow("engine/out-of-memory");
    releaseBackend(backend);
  });
});
