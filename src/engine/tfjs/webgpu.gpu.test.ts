import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { describe, expect, it } from "vitest";
import { createFor } from "../fixtureRun";
import { loadFixture } from "../fixtures";
import { checkSynchronised } from "../synchroniserChecks";
import { tfjsEngine } from "./engine";
import {
  checkGradients,
  checkLoss,
  checkPooling,
  checkSameBits,
  checkTraining,
  checkWeightsBetweenSteps,
  type Tolerances,
} from "./engineChecks";

/** Float32 on any adapter, real or software; as asked of every engine. */
const TOLERANCES: Tolerances = { losses: 1e-4, gradients: 1e-3, final: 1e-2, inferred: 1e-4 };
/** Software adapters take most of a second a step. */
const STEPS = 2;
const engine = tfjsEngine("webgpu");

describe.skipIf((await engine.unavailable()) !== null)("tfjs-webgpu", () => {
  it.for(["unet", "unetpp", "dncnn"] as const)("has PyTorch's first gradients of %s", (name) =>
    checkGradients(engine, name, TOLERANCES),
  );
  it("has PyTorch's first losses", () => checkTraining(engine, "unet", TOLERANCES, STEPS));
  it("with synchronised BatchNorm has them too", () =>
    checkSynchronised(engine, "unet", { ...TOLERANCES, running: 1e-4 }, STEPS));
  it("gives the same bits twice", () => checkSameBits(engine, "unet", 1));
  it("says which adapter it runs on", async () => {
    const executor = await createFor(engine, await loadFixture("unet"));
    expect(executor.info.adapter?.vendor).not.toBe("");
    expect(executor.info.limits["maxBufferSize"]).toBeGreaterThan(0);
    expect(executor.memory().bytes).toBeGreaterThan(0);
    await executor.dispose();
  });
  it("reports a lost device in words and goes on with another", async () => {
    const { backend } = await import("@tensorflow/tfjs-core");
    await checkLoss(engine, "unet", () => (backend() as WebGPUBackend).device.destroy());
  });
  it("goes on from weights written between two steps", () => checkWeightsBetweenSteps(engine, "unet"));
  it("sends a pooled gradient to the first of equal maxima", () => checkPooling("webgpu"));
});
