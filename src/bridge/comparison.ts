import type { MethodPorts } from "@workers/comparison.worker";
import { proxy } from "comlink";
import type { Outcome } from "@/contracts/failure";
import type { ComparisonApi, ComparisonProgress, Listener } from "@/contracts/workers";
import { LazyWorker } from "./lazyWorker";

/** A second comparison follows soon or not at all. */
const IDLE_MS = 10_000;
/** More would take the memory and the processor from all else. */
const MAX_METHOD_WORKERS = 4;

/** Method workers, one core left for the page. */
function methodWorkerCount(): number {
  return Math.max(1, Math.min(navigator.hardwareConcurrency - 1, MAX_METHOD_WORKERS));
}

const comparison = new LazyWorker<ComparisonApi>({
  name: "comparison",
  idleMs: IDLE_MS,
  start: () =>
    new Worker(new URL("../../workers/comparison.worker.ts", import.meta.url), {
      type: "module",
      name: "comparison",
    }),
  startHelpers(worker) {
    const channels = Array.from({ length: methodWorkerCount() }, () => new MessageChannel());
    const ports: MethodPorts = { methodPorts: channels.map(({ port1 }) => port1) };
    worker.postMessage(ports, [...ports.methodPorts]);
    return channels.map(({ port2 }) => {
      const helper = new Worker(new URL("../../workers/method.worker.ts", import.meta.url), {
        type: "module",
        name: "method",
      });
      helper.postMessage(port2, [port2]);
      return helper;
    });
  },
});

/** Runs methods (all when `names` is empty) on a run's noisy test images and stores their results with it. */
export function compare(
  runId: string,
  names: readonly string[],
  onProgress: Listener<ComparisonProgress>,
): Promise<Outcome<void>> {
  return comparison.call((api) => api.compare(runId, names, proxy(onProgress)));
}

/** Ends the comparison at work before its next pictures, with `run/cancelled`. */
export function cancel(): Promise<void> {
  return comparison.notify((api) => api.cancel());
}
