import { expose, type ProxyMethods, releaseProxy } from "comlink";
import { outcomeOf } from "@/contracts/failure";
import type { ComparisonApi } from "@/contracts/workers";
import type { MethodRunner } from "@/evaluation/methods/task";
import { Denoiser } from "./evaluation/denoiser";
import { chooseInferenceEngine } from "./evaluation/inferenceEngine";
import { methodRunner } from "./evaluation/methodRunner";
import { compareStoredRun } from "./evaluation/methods";

/** The bridge's first message: ports to the method workers. It comes before any call. */
export interface MethodPorts {
  readonly methodPorts: readonly MessagePort[];
}

/** For methods with stored weights. */
const denoiser = new Denoiser(chooseInferenceEngine);
let runner: MethodRunner = methodRunner([]);
/** Raised by `cancel`: what was asked for before it ends. */
let cancellations = 0;

self.addEventListener("message", ({ data }: MessageEvent<Partial<MethodPorts>>) => {
  if (data.methodPorts) runner = methodRunner(data.methodPorts);
});

const api: ComparisonApi = {
  compare: async (runId, names, onProgress) => {
    const asked = cancellations;
    const outcome = await outcomeOf(() =>
      compareStoredRun(runId, names, onProgress, () => asked !== cancellations, runner, denoiser),
    );
    (onProgress as unknown as ProxyMethods)[releaseProxy]();
    return outcome;
  },
  cancel: () => {
    cancellations++;
    return Promise.resolve();
  },
};

expose(api);
