import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LabDevice } from "./device";
import type { SubgroupMatrix } from "./kernels/kernel";
import { gpuWithUnits, withoutUnits } from "./matrixEmulation.fixture";
import { MATRIX_FEATURE } from "./matrixProbe";
import { setUpNodeGpu } from "./nodeGpu";

const missing = await setUpNodeGpu();
if (missing) console.warn(`Devices with emulated matrix units: skipped. ${missing}`);

const RIGHT: SubgroupMatrix = { component: "f32", result: "f32", m: 8, n: 8, k: 8, lanes: 32 };
const WRONG: SubgroupMatrix = { ...RIGHT, n: 16 };

describe.skipIf(missing !== null)("a device with matrix units", () => {
  const { gpu } = globalThis.navigator ?? {};
  const emulated = (wgsl: string): string =>
    wgsl.includes("subgroup_matrix_result<f32, 16, 8>")
      ? withoutUnits(wgsl, WRONG).replace("sum += ", "sum -= ")
      : withoutUnits(wgsl, RIGHT);

  // The device of a thread is kept by its module.
  beforeEach(() => vi.resetModules());
  afterEach(() => vi.unstubAllGlobals());

  async function acquired(
    units: readonly SubgroupMatrix[],
    opened: (device: GPUDevice, features: readonly string[]) => void,
  ): Promise<LabDevice> {
    vi.stubGlobal("navigator", { gpu: gpuWithUnits(gpu, units, emulated, opened) });
    return (await import("./device")).acquireDevice();
  }

  it("asks for the feature, keeps the units that prove right and says why others are not used", async () => {
    const opened = vi.fn();
    const lab = await acquired([WRONG, RIGHT], opened);
    expect(opened.mock.calls.map(([, features]) => features)).toEqual([
      expect.arrayContaining([MATRIX_FEATURE]),
    ]);
    expect(lab.target.subgroupMatrices).toEqual([RIGHT]);
    expect(lab.matrices).toEqual([
      { matrix: WRONG, problem: expect.stringMatching(/numbers of a known product are wrong/) },
      { matrix: RIGHT, problem: null },
    ]);
  });

  it("does not ask for the feature where no unit is for floats or halves", async () => {
    const opened = vi.fn();
    const lab = await acquired([], opened);
    expect(opened.mock.calls.map(([, features]) => features)).toEqual([
      expect.not.arrayContaining([MATRIX_FEATURE]),
    ]);
    expect(lab.matrices).toEqual([]);
  });

  it("is another one without them where trying them loses it", async () => {
    const asked: boolean[] = [];
    const lab = await acquired([RIGHT], (device, features) => {
      asked.push(features.includes(MATRIX_FEATURE));
      if (asked.length === 1) device.destroy();
    });
    expect(asked).toEqual([true, false]);
    expect(lab.lost).toBeNull();
    expect(lab.target.subgroupMatrices).toEqual([]);
  });
});
