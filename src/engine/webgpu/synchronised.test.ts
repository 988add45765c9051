import { describe, it } from "vitest";
import { checkCalledOff, checkSynchronised, type SynchronisedTolerances } from "../synchroniserChecks";
import { webgpuEngine } from "./engine";
import { setUpNodeGpu } from "./nodeGpu";

/** As of one replica: float32 sums in another order than PyTorch's. */
const TOLERANCES: SynchronisedTolerances = { losses: 1e-4, gradients: 1e-3, running: 1e-5 };
/** Halves: 2 % of a loss, as asked of one replica; gradients of this small network differ by up to 11 % from its own (measured). */
const MIXED: SynchronisedTolerances = { losses: 2e-2, gradients: 0.2, running: 5e-3 };

/** Software adapters take most of a second a step. */
const STEPS = 5;

const missing = await setUpNodeGpu();
if (missing) console.warn(`synchronised BatchNorm of the webgpu engine in Node: skipped. ${missing}`);

describe.skipIf(missing !== null)("synchronised BatchNorm of the webgpu engine in Node", () => {
  it.for(["unet", "unetpp", "unet-both", "dncnn"] as const)("makes two replicas one: %s", (name) =>
    checkSynchronised(webgpuEngine, name, TOLERANCES, STEPS),
  );
  it("in mixed precision", () => checkSynchronised(webgpuEngine, "unet", MIXED, STEPS, "mixed"));
  it("lets go of a batch that is called off", () => checkCalledOff(webgpuEngine, "unet", [0, 8, 9, 17]));
});
