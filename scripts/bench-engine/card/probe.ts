import { acquireDevice } from "@/engine/webgpu/device";
import { bestMatmulGflops } from "@/engine/webgpu/matmulProbe";

/** Adapter, features, matrix units and the best float32 matrix product. */
export async function probe(): Promise<object> {
  const lab = await acquireDevice();
  const { adapter, features, limits, target, matrices } = lab;
  const matmul = await bestMatmulGflops(lab, 10_000);
  const { subgroupMinSize, subgroupMaxSize } = (await navigator.gpu.requestAdapter())?.info ?? {};
  const report = { adapter, features, limits, target, matrices, matmul, subgroupMinSize, subgroupMaxSize };
  console.log(JSON.stringify({ ...report, target: { ...target, tuning: undefined } }, null, 1));
  return report;
}
