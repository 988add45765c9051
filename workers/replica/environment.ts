import type { RunEnvironment } from "@/contracts/training";
import { findWebgpuAdapter } from "@/engine/adapter";
import type { ExecutorInfo } from "@/engine/executor";

/** The commit the app was built from, put in by the bundler. */
declare const __COMMIT__: string;

/** What a result says about the machine it was made on: also of its WebGPU adapter when the run computed without it. */
export async function environmentOf(info: ExecutorInfo): Promise<RunEnvironment> {
  // Absent in Node, whatever the types say.
  const browser: Navigator | undefined = globalThis.navigator;
  return {
    adapter: info.adapter ?? (await findWebgpuAdapter()),
    features: info.features,
    limits: info.limits,
    userAgent: browser?.userAgent ?? "",
    cores: browser?.hardwareConcurrency ?? 0,
    commit: __COMMIT__,
  };
}
