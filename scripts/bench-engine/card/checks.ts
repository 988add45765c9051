import type { FixtureName } from "@/engine/fixtures";
import { checkGradients, checkSameBits, checkTraining } from "@/engine/tfjs/engineChecks";
import * as convs from "@/engine/webgpu/convChecks";
import { acquireDevice } from "@/engine/webgpu/device";
import { webgpuEngine } from "@/engine/webgpu/engine";
import * as kernels from "@/engine/webgpu/kernelChecks";
import * as mixed from "@/engine/webgpu/mixedChecks";
import type { Settings } from "./card";

/** As the tests in Node hold: `parity.test.ts`. */
const TOLERANCES = { losses: 1e-4, gradients: 1e-3, final: 1e-2, inferred: 1e-4 };
const TRAINED: readonly FixtureName[] = ["unet", "unetpp", "unet-l2"];
/** Units that take halves round weights and normalised values before they multiply: the reference gets them so. */
const onUnits = (name: string): boolean => name.startsWith("matrix");
const onNoUnits = (name: string): boolean => !onUnits(name);

/** Channels of two sources and of the output: within a block of a unit, and more than one tile of each. */
const MATRIX_CHANNELS = [
  [16, 8, 32],
  [36, 8, 68],
  [80, 48, 136],
] as const;

/** The checks of the engine's tests on this card; every variant of the convolutions, not only the default. */
export async function checkEngine({ only }: Settings): Promise<object> {
  const results: Record<string, string> = {};
  const check = async (name: string, work: () => Promise<void>): Promise<void> => {
    if (!only.test(name)) return;
    const start = performance.now();
    const result = await work().then(
      () => "ok",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    results[name] = result;
    console.log(
      `${result === "ok" ? "ok    " : "FAILED"} ${name} (${(performance.now() - start).toFixed(0)} ms)`,
    );
    if (result !== "ok") console.log(`       ${result.slice(0, 600)}`);
  };
  for (const name of [...TRAINED, "unet-both"] as const)
    await check(`first gradients of ${name}`, () => checkGradients(webgpuEngine, name, TOLERANCES));
  for (const name of TRAINED)
    await check(`training of ${name}`, () => checkTraining(webgpuEngine, name, TOLERANCES));
  await check("same bits twice", () => checkSameBits(webgpuEngine, "unet", 5));
  for (const halves of ["native", "packed"] as const)
    for (const name of TRAINED)
      await check(`mixed, ${halves}, ${name}`, () => mixed.checkMixedLosses(name, halves));
  await check("mixed, 200 steps", () => mixed.checkLongRun());
  await check("mixed, overflow", () => mixed.checkOverflow("native"));
  for (const [storage, ...size] of kernels.CASES.slice(-4)) {
    const name = `kernels ${storage} ${size.join("×")}`;
    const lab = await acquireDevice();
    await check(`${name} conv`, () => convs.checkConv(lab, storage, size, 16, 8, 32, onNoUnits));
    if (storage === "f16" && lab.target.subgroupMatrices.length > 0)
      for (const [normed, other, outChannels] of MATRIX_CHANNELS)
        await check(`${name} conv ${normed}+${other}→${outChannels} on units`, () =>
          convs.checkConv(lab, storage, size, normed, other, outChannels, onUnits, "f16"),
        );
    if (storage === "f16" && lab.target.subgroupMatrices.length > 0)
      for (const [channels, , outChannels] of MATRIX_CHANNELS)
        await check(`${name} upconv ${channels}→${outChannels} on units`, () =>
          convs.checkUpconv(lab, storage, size, channels, outChannels, onUnits, "f16"),
        );
    await check(`${name} upconv`, () => convs.checkUpconv(lab, storage, size, 16, 8, onNoUnits));
    await check(`${name} norm`, () => kernels.checkNorm(lab, storage, size));
    await check(`${name} others`, async () => {
      await convs.checkFirstConv(lab, storage, size);
      await kernels.checkMaxPool(lab, storage, size);
      await kernels.checkUpsample(lab, storage, size);
      await kernels.checkHead(lab, storage, size, "l1");
    });
  }
  await check("kernels adam", async () => kernels.checkAdam(await acquireDevice()));
  return results;
}
