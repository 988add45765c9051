import { describe, it } from "vitest";
import * as convs from "./convChecks";
import { acquireDevice } from "./device";
import * as checks from "./kernelChecks";
import { setUpNodeGpu } from "./nodeGpu";
import { checkSharedNorm } from "./normSharedChecks";
import * as tiles from "./tileChecks";

const missing = await setUpNodeGpu();
if (missing) console.warn(`WGSL kernels in Node: skipped. ${missing}`);

describe.skipIf(missing !== null)("each kernel in Node equals the float64 reference", () => {
  describe.each(checks.CASES)("in %s, at %i images of %i×%i", (storage, ...size) => {
    // Odd blocks, and the widest tiles with more than one of them.
    it.each([
      [8, 12, 20],
      [16, 8, 32],
      [4, 4, 16],
    ])("convolution %i + %i to %i", async (...channels) =>
      convs.checkConv(await acquireDevice(), storage, size, ...channels),
    );
    it("first convolution", async () => convs.checkFirstConv(await acquireDevice(), storage, size));
    it.each([
      [12, 20],
      [16, 8],
    ])("transposed convolution %i to %i", async (inChannels, outChannels) =>
      convs.checkUpconv(await acquireDevice(), storage, size, inChannels, outChannels),
    );
    it("maximum", async () => checks.checkMaxPool(await acquireDevice(), storage, size));
    it("upsampling", async () => checks.checkUpsample(await acquireDevice(), storage, size));
    it("BatchNorm", async () => checks.checkNorm(await acquireDevice(), storage, size));
    it("BatchNorm by shared statistics", async () => checkSharedNorm(await acquireDevice(), storage, size));
    it.each(["l1", "l2"] as const)("head with %s", async (loss) =>
      checks.checkHead(await acquireDevice(), storage, size, loss),
    );
    it.each(["l1", "l2"] as const)("difference with %s", async (loss) =>
      checks.checkResidual(await acquireDevice(), storage, size, loss),
    );
  });
  describe("with tiles for GPUs", () => {
    // Several tiles each way with ragged ends, and a single pixel. What is compiled serves all sizes.
    it.each([
      [1, 9, 17],
      [3, 5, 7],
      [1, 1, 1],
    ])("in float32, at %i images of %i×%i", async (...size) => {
      const lab = tiles.asGpu(await acquireDevice(), false);
      await convs.checkConv(lab, "f32", size, 8, 12, 20, tiles.fewTiles);
      await convs.checkUpconv(lab, "f32", size, 12, 20, tiles.fewTiles);
    });
    it("over five sources", async () =>
      tiles.checkManySources(tiles.asGpu(await acquireDevice(), false), "f32", [2, 5, 7], tiles.smallTiles));
    it("in packed halves", async () => {
      const lab = tiles.asGpu(await acquireDevice(), false);
      await convs.checkConv(lab, "f16", [1, 9, 17], 8, 12, 20, tiles.smallTiles);
      await convs.checkUpconv(lab, "f16", [1, 9, 17], 12, 20, tiles.smallTiles);
    });
    it("in halves, also in workgroup memory", async ({ skip }) => {
      const lab = await acquireDevice();
      if (!lab.target.shaderF16) skip("The adapter has no 16-bit floats.");
      const gpu = tiles.asGpu(lab, true);
      await convs.checkConv(gpu, "f16", [1, 9, 17], 8, 12, 20, tiles.smallTilesInHalves);
      await convs.checkUpconv(gpu, "f16", [1, 9, 17], 12, 20, tiles.smallTilesInHalves);
    });
  });
  it("Adam", async () => checks.checkAdam(await acquireDevice()));
});
