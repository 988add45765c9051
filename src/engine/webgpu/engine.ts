import type { Engine } from "@/engine/executor";
import { acquireDevice, findAdapter } from "./device";
import { webgpuTuner } from "./engineTuner";
import { WebgpuExecutor } from "./executor";

/** The lab's own WGSL engine: graph → plan → pipelines → one submission a step. Runs in a window, a worker and Node. */
export const webgpuEngine: Engine = {
  name: "webgpu",
  unavailable: async () =>
    (await findAdapter()) ? null : "This browser has no WebGPU, or no graphics adapter for it.",
  create: async (options) => WebgpuExecutor.create(await acquireDevice(), options),
  tuner: webgpuTuner,
};
