import type { RunEnvironment } from "@/contracts/training";
import type { ExecutorInfo } from "@/engine/executor";

/** The commit the app was built from, put in by the bundler. */
declare const __COMMIT__: string;

/** What a result says about the machine it was made on. */
export function environmentOf(info: ExecutorInfo): RunEnvironment {
  // Absent in Node, whatever the types say.
  const browser: Navigator | undefined = globalThis.navigator;
  return {
    adapter: info.adapter,
    features: info.features,
    limits: info.limits,
    userAgent: browser?.userAgent ?? "",
    cores: browser?.hardwareConcurrency ?? 0,
    commit: __COMMIT__,
  };
}
