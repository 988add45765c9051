import { describe, it } from "vitest";
import { FIXTURE_NAMES } from "../fixtures";
import {
  checkAnySize,
  checkGradients,
  checkSameBits,
  checkTraining,
  type Tolerances,
} from "../tfjs/engineChecks";
import { webgpuEngine } from "./engine";

/** float32 sums in another order than PyTorch's: losses 1e-4, first gradients 1e-3 of their norm. */
const TOLERANCES: Tolerances = { losses: 1e-4, gradients: 1e-3, final: 1e-2, inferred: 1e-4 };

const missing = await webgpuEngine.unavailable();
if (missing) console.warn(`webgpu engine in the browser: skipped. ${missing}`);

describe.skipIf(missing !== null)("the webgpu engine in the browser against PyTorch", () => {
  it.for(FIXTURE_NAMES)("has the first gradients of %s", (name) =>
    checkGradients(webgpuEngine, name, TOLERANCES),
  );
  it.for(FIXTURE_NAMES)("has the losses, weights and images of %s", (name) =>
    checkTraining(webgpuEngine, name, TOLERANCES),
  );
  it("takes sides that halve nowhere", () => checkAnySize(webgpuEngine));
  it("gives the same bits twice", () => checkSameBits(webgpuEngine, "unet", 5));
});
