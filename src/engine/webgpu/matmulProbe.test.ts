import { describe, expect, it } from "vitest";
import { relativeError } from "../fixtures";
import { acquireDevice } from "./device";
import { noise } from "./kernelChecks";
import { runKernel } from "./kernelRun";
import { MATMUL_MULTIPLE } from "./kernels/matmul";
import { bestMatmulGflops, type MatmulCandidate, matmulCandidates } from "./matmulProbe";
import { setUpNodeGpu } from "./nodeGpu";

const missing = await setUpNodeGpu();
if (missing) console.warn(`Matrix products in Node: skipped. ${missing}`);

/** float32 sums of 256 products, relative to the largest value. */
const RTOL = 1e-5;
const SIZE = MATMUL_MULTIPLE;
const A = noise(SIZE * SIZE, 1);
const B = noise(SIZE * SIZE, 2);

/** Aᵀ·B in float64. */
function reference(): Float64Array {
  const c = new Float64Array(SIZE * SIZE);
  for (let k = 0; k < SIZE; k++)
    for (let m = 0; m < SIZE; m++) {
      const a = A[k * SIZE + m] as number;
      for (let n = 0; n < SIZE; n++)
        c[m * SIZE + n] = (c[m * SIZE + n] as number) + a * (B[k * SIZE + n] as number);
    }
  return c;
}

describe.skipIf(missing !== null)("the matrix products that a device is measured with", () => {
  const checkAll = async (candidates: readonly MatmulCandidate[]): Promise<void> => {
    const expected = reference();
    const sizes = new Float32Array(Int32Array.of(SIZE, 0, 0, 0).buffer);
    const lab = await acquireDevice();
    for (const candidate of candidates) {
      const kernel = candidate(SIZE);
      const inputs = { sizes, a: A, b: B, c: new Float32Array(SIZE * SIZE) };
      const { outputs } = await runKernel(lab, kernel, inputs);
      expect(relativeError(outputs["c"] ?? [], expected), kernel.label).toBeLessThan(RTOL);
    }
  };

  it("equal the float64 product, those for this device", async () => {
    await checkAll(matmulCandidates((await acquireDevice()).target));
  });
  it("equal the float64 product, those for graphics cards", async () => {
    const { target } = await acquireDevice();
    await checkAll(matmulCandidates({ ...target, software: false }));
  });
  it("equal the float64 product, those for processors without subgroups", async () => {
    const { target } = await acquireDevice();
    await checkAll(matmulCandidates({ ...target, software: true, subgroupSize: null }));
  });

  it("give a speed and the name of the fastest", async () => {
    const lab = await acquireDevice();
    const { gflops, kernel } = await bestMatmulGflops(lab);
    expect(gflops).toBeGreaterThan(0.1);
    expect(kernel).toMatch(/^matmul .+ \d+$/);
  });
  it("stop after the first where there is no budget", async () => {
    const lab = await acquireDevice();
    const { kernel } = await bestMatmulGflops(lab, 0);
    expect(kernel).toContain(matmulCandidates(lab.target)[0]?.(SIZE).label.replace(/ \d+$/, ""));
  });
});
