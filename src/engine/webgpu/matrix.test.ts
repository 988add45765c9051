import { describe, expect, it } from "vitest";
import { checkConv, checkUpconv } from "./convChecks";
import { acquireDevice, type LabDevice } from "./device";
import { convDgrad } from "./kernels/convDgrad";
import { convForward } from "./kernels/convForward";
import { convWgrad } from "./kernels/convWgrad";
import type { Storage, SubgroupMatrix } from "./kernels/kernel";
import { upconv, upconvDgrad, upconvWgrad } from "./kernels/upconv";
import { withoutUnits, withShaders } from "./matrixEmulation.fixture";
import { probeSubgroupMatrices } from "./matrixProbe";
import { setUpNodeGpu } from "./nodeGpu";

const missing = await setUpNodeGpu();
if (missing) console.warn(`Matrix kernels with emulated units: skipped. ${missing}`);

const HALVES: SubgroupMatrix = { component: "f16", result: "f32", m: 16, n: 16, k: 16, lanes: 32 };
const FLOATS: SubgroupMatrix = { component: "f32", result: "f32", m: 8, n: 8, k: 8, lanes: 32 };

/** A tuner that chose the variant whatever the kernel. */
class Always extends Map<string, string> {
  private readonly variant: (label: string) => string;
  constructor(variant: (label: string) => string) {
    super();
    this.variant = variant;
  }
  override get(label: string): string {
    return this.variant(label);
  }
}

/** Names of the weight gradients' tiles. */
const WGRAD = "32×32 32px";
/** And of transposed convolutions. */
const UPCONV = "64×32";

/** The device as if it had `unit`, whose kernels run with the convolution tile named. */
function withUnit(lab: LabDevice, unit: SubgroupMatrix, tile: string, lanes = unit.lanes): LabDevice {
  const name = `matrix ${unit.m}×${unit.n}×${unit.k}${unit.component === "f32" ? " f32" : ""}`;
  const tuning = new Always((label) => {
    if (label.includes("Wgrad")) return `${name} ${WGRAD}`;
    return `${name} ${label.startsWith("upconv") ? UPCONV : tile}`;
  });
  // Not as a processor, which would have kernels of its own first.
  const target = { ...lab.target, software: false, subgroupMatrices: [unit], tuning };
  return { ...withShaders(lab, (wgsl) => withoutUnits(wgsl, unit, lanes)), target };
}

describe.skipIf(missing !== null)("matrix kernels with emulated units equal the float64 reference", () => {
  it.each([
    // Nothing is a multiple of a tile; single pixels; more than one tile in each direction, and chunk of channels.
    ["16×16×16", "f16", HALVES, "64×32", [3, 5, 7], [8, 12, 20]],
    ["16×16×16", "f16", HALVES, "64×32", [1, 1, 1], [4, 4, 16]],
    ["16×16×16", "f16", HALVES, "64×64", [2, 6, 18], [36, 8, 68]],
    ["16×8×16", "f16", { ...HALVES, n: 8 }, "64×64", [1, 9, 17], [36, 8, 36]],
    ["8×16×16", "f16", { ...HALVES, m: 8 }, "64×32", [2, 8, 16], [16, 8, 32]],
    ["8×8×8 f32", "f32", FLOATS, "64×32", [1, 9, 17], [36, 8, 36]],
  ] as const)(
    "unit %s, features in %s",
    async (_, storage, unit, tile, size, [normed, other, outChannels]) => {
      const lab = withUnit(await acquireDevice(), unit, tile);
      expectMatrix(lab, storage, size, normed, outChannels);
      await checkConv(lab, storage, size, normed, other, outChannels, undefined, unit.component);
      // With more units a tile it is the same code, which compiles for a minute here.
      if (unit !== HALVES) return;
      await checkUpconv(lab, storage, size, normed, outChannels, undefined, unit.component);
    },
  );

  it("where subgroups come out narrower than they may", async () => {
    const lab = withUnit(await acquireDevice(), HALVES, "64×32", HALVES.lanes / 2);
    await checkConv(lab, "f16", [2, 3, 2], 8, 12, 20, undefined, "f16");
  });
});

/** What runs is what is meant. */
function expectMatrix(
  { target }: LabDevice,
  storage: Storage,
  [images, height, width]: readonly [number, number, number],
  channels: number,
  outChannels: number,
): void {
  const extent = { images, height, width, storage };
  const source = { channels, normOffset: null, relu: false };
  const dgrad = { inChannels: channels, firstChannel: 0, channels, mask: false, accumulate: false };
  for (const kernel of [
    convForward({ ...extent, sources: [source], outChannels, relu: true }, target),
    convDgrad({ ...extent, ...dgrad, outChannels }, target),
    convWgrad({ ...extent, source, outChannels, bias: true }, target),
    ...(target.subgroupMatrices.includes(HALVES)
      ? [
          upconv({ ...extent, source, outChannels }, target),
          upconvDgrad({ ...extent, channels, outChannels, accumulate: false }, target),
          upconvWgrad({ ...extent, source, outChannels }, target),
        ]
      : []),
  ])
    expect(kernel.variant, kernel.label).toMatch(/^matrix/);
}

describe.skipIf(missing !== null)("the probe of matrix units", () => {
  it.each([HALVES, FLOATS])("keeps %o where it multiplies right", async (unit) => {
    const lab = withShaders(await acquireDevice(), (wgsl) => withoutUnits(wgsl, unit));
    expect(await probeSubgroupMatrices(lab, [unit])).toEqual([{ matrix: unit, problem: null }]);
  });

  const short = (value: string) => `bitcast<f32>(0xffffe000u & bitcast<u32>(${value}))`;
  it.each([
    ["keeps sums to 11 bits", HALVES, "sum += ", `sum = ${short("sum")} + `],
    ["keeps floats to 11 bits", FLOATS, /f32\((tile\[.*?\])\)/, short("$1")],
    ["mistakes rows for columns", HALVES, "operand.order == 1u", "operand.order == 0u"],
  ])("drops a unit that %s", async (_, unit, right, wrong) => {
    const lab = withShaders(await acquireDevice(), (wgsl) => withoutUnits(wgsl, unit).replace(right, wrong));
    const [probed] = await probeSubgroupMatrices(lab, [unit]);
    expect(probed?.problem).toMatch(/numbers of a known product are wrong/);
  });
});
