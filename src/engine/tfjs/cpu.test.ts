import { describe, it } from "vitest";
import { checkSynchronised } from "../synchroniserChecks";
import { tfjsEngine } from "./engine";
import {
  checkGradients,
  checkPooling,
  checkSameBits,
  checkTraining,
  checkWeightsBetweenSteps,
  type Tolerances,
} from "./engineChecks";

/** Ten times what was measured (gradients 1.2e-6, losses 1.2e-7). */
const TOLERANCES: Tolerances = { losses: 1.2e-6, gradients: 1.2e-5, final: 5e-4, inferred: 1e-5 };
/** Plain JavaScript loops take most of a second a step. */
const STEPS = 2;
const engine = tfjsEngine("cpu");

describe("tfjs-cpu against PyTorch", () => {
  it.for(["unet", "unetpp", "dncnn"] as const)("has the gradients of the first step of %s", (name) =>
    checkGradients(engine, name, TOLERANCES),
  );
  it("has the first losses", () => checkTraining(engine, "unet", TOLERANCES, STEPS));
  it("with synchronised BatchNorm has them too", () =>
    checkSynchronised(engine, "unet", { ...TOLERANCES, running: 1e-6 }, STEPS));
  it("gives the same bits twice", () => checkSameBits(engine, "unet", 1));
  it("goes on from weights written between two steps", () => checkWeightsBetweenSteps(engine, "unet"));
  it("sends a pooled gradient to the first of equal maxima", () => checkPooling("cpu"));
});
