import * as conv from "../reference/conv";
import type { Feature } from "../reference/feature";
import type { LabDevice } from "./device";
import {
  type Choose,
  closeFeature,
  concat,
  encoded,
  extentOf,
  feature,
  hwio,
  noise,
  packed,
  plain,
  run,
  type Size,
  seen,
  variantsOf,
} from "./kernelChecks";
import { convForward } from "./kernels/convForward";
import type { SourceSpec, Storage } from "./kernels/kernel";

/** What only the tiles for GPUs need checked, and how the tests' software adapters run them. */

/** The device as if it were a GPU with the limits that WebGPU grants everywhere, with 16-bit floats or without. */
export function asGpu(lab: LabDevice, shaderF16: boolean): LabDevice {
  const target = {
    ...lab.target,
    software: false,
    subgroupSize: null,
    shaderF16,
    maxInvocationsPerWorkgroup: 256,
    maxWorkgroupBytes: 16_384,
  };
  return { ...lab, target };
}

/** One small and one usual tile of each builder: every parameter has two values among them. */
const FEW: ReadonlySet<string> = new Set([
  "tile 8×8px 32ch k8 4×4",
  "tile 8×16px 64ch k4 8×8",
  "tile 16×16ch 8×8px 4×4",
  "tile 32×64ch 2×8px 4×8",
  "tile 64px 64ch k16 4×8",
  "tile 128px 64ch k16 8×8",
  "tile 32×16ch 4×8px 4×4",
]);
export const fewTiles: Choose = (name) => FEW.has(name);

/** The small ones alone, with features in halves: in workgroup memory as floats, or where the device can, as halves. */
const SMALL: ReadonlySet<string> = new Set([
  "tile 8×8px 32ch k8 4×4",
  "tile 16×16ch 8×8px 4×4",
  "tile 64px 64ch k16 4×8",
  "tile 32×16ch 4×8px 4×4",
]);
export const smallTiles: Choose = (name) => SMALL.has(name);
const SMALL_HALVES: ReadonlySet<string> = new Set([
  "tile 8×8px 32ch k8 4×4 f16",
  "tile 16×16ch 16×8px 4×4 f16",
  "tile 64px 64ch k16 4×8 f16",
  "tile 32×16ch 8×8px 4×4 f16",
]);
export const smallTilesInHalves: Choose = (name) => SMALL_HALVES.has(name);

/** Forward over five sources, as in U-Net++; every other one is normalised, and the blocks of a step do not divide them. */
export async function checkManySources(
  lab: LabDevice,
  storage: Storage,
  size: Size,
  choose: Choose,
): Promise<void> {
  const outChannels = 12;
  const channels = [4, 12, 8, 4, 20];
  const stored = channels.map((count, index) => feature(count, size, index, storage));
  const norms: number[] = [];
  const specs: SourceSpec[] = [];
  const inputs: Feature[] = [];
  for (const [index, each] of stored.entries()) {
    if (index % 2 === 0) {
      specs.push(plain(each.channels));
      inputs.push(each);
      continue;
    }
    const scale = noise(each.channels, 10 + index);
    const shift = noise(each.channels, 20 + index);
    specs.push({ channels: each.channels, normOffset: norms.length / 4, relu: true });
    inputs.push(seen(each, Float64Array.from(scale), Float64Array.from(shift)));
    norms.push(...scale, ...shift, ...new Float32Array(2 * each.channels));
  }
  const input = inputs.reduce(concat);
  const weight = Float64Array.from(noise(outChannels * input.channels * 9, 5));
  const bias = noise(outChannels, 6);
  const expected = conv.convForward(input, weight, Float64Array.from(bias), 3, outChannels);
  const forward = convForward(
    { ...extentOf(size, storage), sources: specs, outChannels, relu: false },
    lab.target,
  );
  for (const kernel of variantsOf(forward, choose)) {
    const outputs = await run(lab, kernel, {
      weights: hwio(weight, outChannels, input.channels, 9, true),
      bias,
      norms: Float32Array.from(norms),
      ...Object.fromEntries(stored.map((each, index) => [`source${index}`, encoded(each, storage)])),
      output: noise(expected.data.length, 8),
    });
    closeFeature(outputs["output"], packed(expected), `forward, ${kernel.variant}`, storage);
  }
}
