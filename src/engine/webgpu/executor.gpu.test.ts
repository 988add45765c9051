import { describe, it } from "vitest";
import { webgpuEngine } from "./engine";
import * as checks from "./executorChecks";
import { checkPlannedBytes } from "./memoryChecks";

const missing = await webgpuEngine.unavailable();
if (missing) console.warn(`webgpu executor in the browser: skipped. ${missing}`);

/** Long enough to see a leak of one buffer a step many times over. */
const STEPS = 1000;

describe.skipIf(missing !== null)("the webgpu executor in the browser", () => {
  it.each([
    ["unet", STEPS],
    ["dncnn", STEPS / 10],
  ] as const)("grows by no buffer with %s in %i steps and leaves none", (name, steps) =>
    checks.checkNoGrowth(steps, name),
  );
  describe.each(["f32", "mixed"] as const)("in %s", (precision) => {
    it.for(["unet", "unetpp", "dncnn"] as const)("holds the bytes that the planner says for %s", (name) =>
      checkPlannedBytes(name, precision),
    );
  });
  it("makes a step of its halves", () => checks.checkHalves());
  it("forgets gradients from elsewhere", () => checks.checkForeignGradients());
  it("takes batches of any size", () => checks.checkBatchSizes());
  it("refuses what does not fit", () => checks.checkOutOfMemory());
  it("keeps large layers in parts", () => checks.checkParts());
  it("cuts long dispatches into slices of the same bits", () => checks.checkSlices());
  it("computes in passes what memory does not hold", () => checks.checkPasses());
  it("keeps the buffers of a pass for one in other parts", () => checks.checkPassesOfOtherParts());
  it("reports a lost device", () => checks.checkDeviceLoss());
});
