import { beforeEach, describe, it } from "vitest";
import * as checks from "./mixedChecks";
import { setUpNodeGpu } from "./nodeGpu";

const missing = await setUpNodeGpu();
if (missing) console.warn(`mixed precision in Node: skipped. ${missing}`);
const lacks = {
  native: missing === null ? await checks.lackOf("native") : null,
  packed: null,
};
if (lacks.native) console.warn(`mixed precision with native halves in Node: skipped. ${lacks.native}`);

describe.skipIf(missing !== null)("mixed precision in Node", () => {
  describe.each(["native", "packed"] as const)("with %s halves", (halves) => {
    beforeEach(({ skip }) => {
      if (lacks[halves] !== null) skip(lacks[halves]);
    });
    it.for(["unet", "unetpp", "unet-l2", "dncnn", "dncnn-none"] as const)(
      "has PyTorch's losses of %s within 2 %",
      (name) => checks.checkMixedLosses(name, halves),
    );
    it("skips a step that overflows", () => checks.checkOverflow(halves));
  });
  it("ends a longer run where float32 does", () => checks.checkLongRun());
  it("reads unscaled gradients and goes on to the same bits", () => checks.checkMixedState());
});
