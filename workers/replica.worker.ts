import { expose } from "comlink";
import type { Outcome } from "@/contracts/failure";
import { toFailure } from "@/contracts/failure";
import type { TrainingEvent } from "@/contracts/training";
import type { Listener, ReplicaApi } from "@/contracts/workers";
import { RunControl } from "@/training/control";
import { EventBatcher } from "@/training/events";
import type { SessionContext } from "./replica/engines";
import { installedEngines } from "./replica/installedEngines";
import { resumeSession, startSession, tellFailure } from "./replica/session";

const control = new RunControl();
const now = (): number => performance.now();

const wait: SessionContext["wait"] = (ms, signal) =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, signal.aborted ? 0 : ms);
    signal.addEventListener("abort", end);
  });

/** One session: its events to the listener, its end as an outcome. */
async function session(
  onEvent: Listener<TrainingEvent>,
  work: (context: SessionContext) => Promise<void>,
): Promise<Outcome<void>> {
  let delivered = Promise.resolve();
  const events = new EventBatcher((event) => {
    // The listener is a proxy: calling it gives a promise of its having been called. What it throws is not the run's.
    delivered = Promise.resolve(onEvent(event)).catch((error: unknown) => console.warn(error));
  }, now);
  const context: SessionContext = { engines: installedEngines, events, control, now, wait };
  try {
    await work(context);
    return { ok: true, value: undefined };
  } catch (error) {
    tellFailure(error, context);
    return { ok: false, failure: toFailure(error) };
  } finally {
    // The outcome goes another way than the events and would overtake the last of them.
    await delivered;
  }
}

const api: ReplicaApi = {
  train: (request, onEvent) => session(onEvent, (context) => startSession(request, context)),
  resume: (runId, onEvent) => session(onEvent, (context) => resumeSession(runId, context)),
  pause: async () => control.pause(),
  continue: async () => control.continue(),
  stop: async () => control.stop(),
};

expose(api);
