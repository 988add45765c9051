import { describe, expect, it } from "vitest";
import { convDgrad } from "./kernels/convDgrad";
import { convForward } from "./kernels/convForward";
import { convWgrad } from "./kernels/convWgrad";
import type { Kernel, SourceSpec, Storage, SubgroupMatrix } from "./kernels/kernel";
import { sliceable } from "./kernels/slice";
import { upconv, upconvDgrad, upconvWgrad } from "./kernels/upconv";
import { type ProbedMatrix, probeSubgroupMatrices } from "./matrixProbe";
import { nullDevice } from "./nullGpu.fixture";
import { pipelineOf } from "./pipelines";

/** Units of NVIDIA and AMD, of NVIDIA, of Intel, and of Metal. */
const HALVES: readonly SubgroupMatrix[] = [
  { component: "f16", result: "f32", m: 16, n: 16, k: 16, lanes: 32 },
  { component: "f16", result: "f32", m: 16, n: 8, k: 16, lanes: 32 },
  { component: "f16", result: "f32", m: 8, n: 16, k: 16, lanes: 32 },
];
const FLOATS: SubgroupMatrix = { component: "f32", result: "f32", m: 8, n: 8, k: 8, lanes: 32 };

const CASES: readonly (readonly [storage: Storage, unit: SubgroupMatrix])[] = [
  ...HALVES.map((unit) => ["f16", unit] as const),
  ["f16", FLOATS],
  ["f32", FLOATS],
];

const lab = await nullDevice([]);
if (typeof lab === "string") console.warn(`Matrix kernels on the null backend: skipped. ${lab}`);

const plain = (channels: number): SourceSpec => ({ channels, normOffset: null, relu: false });
const normed = (channels: number, normOffset: number): SourceSpec => ({ channels, normOffset, relu: true });

/** Layers of U-Net and U-Net++ of width 64 at 256², and small odd ones. */
function kernelsOf(storage: Storage, target: Parameters<typeof convForward>[1]): readonly Kernel[] {
  const large = { images: 16, height: 256, width: 256, storage };
  const deep = { images: 16, height: 16, width: 16, storage };
  const odd = { images: 3, height: 5, width: 7, storage };
  const one = { images: 1, height: 1, width: 1, storage };
  const dgrad = { firstChannel: 0, mask: false, accumulate: false };
  return [
    convForward({ ...large, sources: [plain(64)], outChannels: 64, relu: true }, target),
    convForward({ ...large, sources: [normed(64, 0), plain(64)], outChannels: 64, relu: false }, target),
    convForward(
      {
        ...large,
        sources: [0, 32, 64].map((at) => normed(64, at)).concat(plain(64)),
        outChannels: 64,
        relu: true,
      },
      target,
    ),
    convForward({ ...deep, sources: [normed(1024, 0)], outChannels: 1024, relu: true }, target),
    convForward({ ...odd, sources: [normed(8, 0), plain(12)], outChannels: 20, relu: true }, target),
    convForward({ ...one, sources: [plain(4)], outChannels: 4, relu: false }, target),
    convDgrad({ ...large, ...dgrad, inChannels: 64, channels: 64, outChannels: 64, mask: true }, target),
    convDgrad({ ...deep, ...dgrad, inChannels: 1024, channels: 1024, outChannels: 1024 }, target),
    convDgrad(
      {
        ...odd,
        inChannels: 20,
        firstChannel: 8,
        channels: 12,
        outChannels: 20,
        mask: true,
        accumulate: true,
      },
      target,
    ),
    convWgrad({ ...large, source: normed(64, 0), outChannels: 64, bias: true }, target),
    convWgrad({ ...deep, source: plain(1024), outChannels: 1024, bias: false }, target),
    convWgrad({ ...odd, source: normed(12, 2), outChannels: 20, bias: true }, target),
    upconv({ ...deep, source: normed(1024, 0), outChannels: 512 }, target),
    upconv({ ...odd, source: plain(12), outChannels: 20 }, target),
    upconvDgrad({ ...deep, channels: 1024, outChannels: 512, accumulate: false }, target),
    upconvDgrad({ ...odd, channels: 12, outChannels: 20, accumulate: true }, target),
    upconvWgrad({ ...deep, source: normed(1024, 0), outChannels: 512 }, target),
    upconvWgrad({ ...odd, source: plain(12), outChannels: 20 }, target),
  ];
}

describe.skipIf(typeof lab === "string")("on Dawn's null backend", () => {
  const device = lab as Exclude<typeof lab, string>;

  it.each(CASES)("kernels in %s compile for the unit %o", async (storage, unit) => {
    const target = { ...device.target, subgroupMatrices: [unit] };
    for (const kernel of kernelsOf(storage, target)) {
      const variants = (kernel.alternatives ?? []).filter(({ name }) => name.startsWith("matrix"));
      for (const variant of variants) {
        const built = variant.build();
        // This backend has subgroups of up to 128 lanes, and wants workgroups of as many.
        if (/@workgroup_size\(64\)/.test(built.wgsl)) continue;
        expect(built.wgsl).toContain("subgroupMatrixMultiplyAccumulate");
        const named = { ...built, label: `${built.label} ${variant.name}` };
        await pipelineOf(device, named);
        // Long dispatches are sliced, which rewrites the entry point.
        const sliced = sliceable(named);
        if (sliced === null) throw new Error(`${named.label} cannot be sliced.`);
        await pipelineOf(device, sliced);
      }
    }
  });

  it.each(CASES)(
    "kernels in %s with more workgroup memory are valid for the unit %o",
    async (storage, unit) => {
      const target = {
        ...device.target,
        subgroupMatrices: [unit],
        maxWorkgroupBytes: 49_152,
        maxInvocationsPerWorkgroup: 1024,
      };
      for (const kernel of kernelsOf(storage, target)) {
        expect(
          kernel.alternatives?.filter(({ name }) => name.startsWith("matrix")),
          kernel.label,
        ).not.toEqual([]);
        for (const { name, build } of kernel.alternatives ?? []) {
          if (!name.startsWith("matrix")) continue;
          // Modules only: the pipeline would go beyond the limits of this backend.
          const { wgsl, prelude } = build();
          const { messages } = await device.device.createShaderModule({ code: wgsl }).getCompilationInfo();
          if (prelude) await pipelineOf(device, prelude.kernel);
          expect(
            messages.map(({ message }) => message),
            `${kernel.label} ${name}`,
          ).toEqual([]);
        }
      }
    },
  );

  it("the probe compiles, and drops units that compute nothing", async () => {
    const units = [...HALVES, FLOATS];
    const probed = await probeSubgroupMatrices(device, units);
    expect(probed.map(({ problem }) => problem)).toEqual(
      units.map(() => expect.stringMatching(/numbers of a known product are wrong/)),
    );
  });

  it("the probe drops units that do not compile or add up in halves, with the reason", async () => {
    const [halves] = HALVES as [SubgroupMatrix];
    const probed: readonly ProbedMatrix[] = await probeSubgroupMatrices(device, [
      { ...halves, lanes: 20 },
      { ...halves, result: "f16" },
    ]);
    expect(probed[0]?.problem).toMatch(/probe of f16 16×16×16 does not compile.*multiple/s);
    expect(probed[1]?.problem).toMatch(/halves/);
  });
});
