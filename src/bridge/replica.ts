import { type ProxyMarked, proxy, type Remote, releaseProxy, wrap } from "comlink";
import type { Failure, Outcome } from "@/contracts/failure";
import { toFailure } from "@/contracts/failure";
import { type RunConfig, setupOf } from "@/contracts/runConfig";
import type { TrainingEvent } from "@/contracts/training";
import type { LeaderLinks, Listener, ReplicaApi } from "@/contracts/workers";
import { startFollowers } from "./followers";

export interface RunHandle {
  readonly runId: string;
  /** Resolves when the run is done or stopped (ok), or failed; never rejects. The worker has ended then. */
  readonly done: Promise<Outcome<void>>;
  /** Finishes the step, writes a checkpoint, waits. */
  pause(): void;
  continue(): void;
  /** Finishes the step, writes a checkpoint and the weights, tests, ends. A second time: ends without the rest of the tests. */
  stop(): void;
  /** Ends the worker at once, as a crash would: what the last checkpoint holds stays, and the run can be resumed. */
  terminate(): void;
}

export interface StartRequest {
  /** Null or absent: a new id. */
  readonly runId?: string | null;
  readonly name: string;
  readonly config: RunConfig;
  /** A safetensors file to start from; null: a fresh initialisation. */
  readonly initialWeights: Uint8Array<ArrayBuffer> | null;
}

/** Trains a new run in a worker of its own, or several for several replicas. `config.data.source` must name a stored dataset (or phantoms already made). */
export function startRun(request: StartRequest, onEvent: Listener<TrainingEvent>): RunHandle {
  const runId = request.runId ?? crypto.randomUUID();
  const { name, config, initialWeights } = request;
  return inWorker(runId, config, onEvent, (api, listener, links) =>
    api.train({ runId, name, config, initialWeights }, listener, links),
  );
}

/** Continues a stored run from its last checkpoint. */
export function resumeRun(
  { id, config }: { readonly id: string; readonly config: RunConfig },
  onEvent: Listener<TrainingEvent>,
): RunHandle {
  return inWorker(id, config, onEvent, (api, listener, links) => api.resume(id, listener, links));
}

function inWorker(
  runId: string,
  config: RunConfig,
  onEvent: Listener<TrainingEvent>,
  work: (
    api: Remote<ReplicaApi>,
    listener: Listener<TrainingEvent> & ProxyMarked,
    links: LeaderLinks | null,
  ) => Promise<Outcome<void>>,
): RunHandle {
  const setup = setupOf(config);
  const followers = setup.replicas > 1 ? startFollowers(runId, setup) : null;
  const worker = new Worker(new URL("../../workers/replica.worker.ts", import.meta.url), {
    type: "module",
    name: `replica ${runId}`,
  });
  const remote = wrap<ReplicaApi>(worker);
  let step = 0;
  let ended = false;
  let end: (outcome: Outcome<void>) => void = () => undefined;
  const done = new Promise<Outcome<void>>((resolve) => {
    end = (outcome) => {
      if (ended) return;
      ended = true;
      remote[releaseProxy]();
      worker.terminate();
      followers?.end();
      resolve(outcome);
    };
  });
  /** The worker is gone or unreachable; it cannot say so itself. */
  const crash = (failure: Failure): void => {
    if (ended) return;
    onEvent({ type: "failed", failure, step });
    end({ ok: false, failure });
  };
  const listen = (event: TrainingEvent): void => {
    if (ended) return;
    if (event.type === "steps") step = event.progress.step;
    onEvent(event);
  };
  worker.addEventListener("error", (event) => crash(workerCrashed(event.message)));
  worker.addEventListener("messageerror", () => crash(workerCrashed("a message could not be read")));
  work(remote, proxy(listen), followers?.links ?? null).then(end, (error: unknown) =>
    crash(toFailure(error)),
  );
  const tell = (method: "pause" | "continue" | "stop"): void => {
    if (!ended) void remote[method]().catch((error: unknown) => crash(toFailure(error)));
  };
  return {
    runId,
    done,
    pause: () => tell("pause"),
    continue: () => tell("continue"),
    stop: () => tell("stop"),
    terminate: () => crash(workerCrashed("it was ended")),
  };
}

function workerCrashed(reason: string): Failure {
  return {
    code: "run/worker-crashed",
    message: `The worker that trained this run ended: ${reason || "no reason was given"}.`,
    remedy: "Resume the run; it continues from its last checkpoint.",
  };
}
