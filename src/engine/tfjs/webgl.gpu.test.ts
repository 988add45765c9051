import type { MathBackendWebGL } from "@tensorflow/tfjs-backend-webgl";
import { describe, expect, it } from "vitest";
import { createFor } from "../fixtureRun";
import { loadFixture } from "../fixtures";
import { checkSynchronised } from "../synchroniserChecks";
import { tfjsEngine } from "./engine";
import {
  checkGradients,
  checkLoss,
  checkPooling,
  checkTraining,
  checkWeightsBetweenSteps,
  type Tolerances,
} from "./engineChecks";

/** Float32 on any adapter, real or software; as asked of every engine. */
const TOLERANCES: Tolerances = { losses: 1e-4, gradients: 1e-3, final: 1e-2, inferred: 1e-4 };
const engine = tfjsEngine("webgl");

// One network and one step: software renderers compile for most of a minute.
describe.skipIf((await engine.unavailable()) !== null)("tfjs-webgl", () => {
  it("has PyTorch's first gradients and losses", async () => {
    await checkGradients(engine, "unet", TOLERANCES);
    await checkTraining(engine, "unet", TOLERANCES, 2);
  });
  it("with synchronised BatchNorm has them too", () =>
    checkSynchronised(engine, "unet", { ...TOLERANCES, running: 1e-4 }, 1));
  it("names its renderer", async () => {
    const executor = await createFor(engine, await loadFixture("unet"));
    expect(executor.info.adapter?.description).not.toBe("");
    await executor.dispose();
  });
  it("reports a lost context in words and goes on with another", async () => {
    const { backend } = await import("@tensorflow/tfjs-core");
    await checkLoss(engine, "unet", () =>
      (backend() as MathBackendWebGL).gpgpu.gl.getExtension("WEBGL_lose_context")?.loseContext(),
    );
  });
  it("goes on from weights written between two steps", () => checkWeightsBetweenSteps(engine, "unet"));
  it("sends a pooled gradient to the first of equal maxima", () => checkPooling("webgl"));
});
