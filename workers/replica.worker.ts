import { expose } from "comlink";
import type { Outcome } from "@/contracts/failure";
import { toFailure } from "@/contracts/failure";
import type { TrainingEvent } from "@/contracts/training";
import type { LeaderLinks, Listener, ReplicaApi } from "@/contracts/workers";
import { RunControl } from "@/training/control";
import { EventBatcher } from "@/training/events";
import type { SessionContext } from "./replica/engines";
import { followLeader } from "./replica/followLeader";
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
  links: LeaderLinks | null,
  work: (context: SessionContext) => Promise<void>,
): Promise<Outcome<void>> {
  let delivered = Promise.resolve();
  const events = new EventBatcher((event) => {
    // The listener is a proxy: calling it gives a promise of its having been called. What it throws is not the run's.
    delivered = Promise.resolve(onEvent(event)).catch((error: unknown) => console.warn(error));
  }, now);
  const context: SessionContext = { engines: installedEngines, events, control, now, wait, links };
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
  train: (request, onEvent, links) => session(onEvent, links, (context) => startSession(request, context)),
  resume: (runId, onEvent, links) => session(onEvent, links, (context) => resumeSession(runId, context)),
  follow: (links) => followLeader(links, installedEngines, now),
  holdLock: (name) =>
    new Promise((resolve, reject) => {
      const forever = (): Promise<never> => {
        resolve();
        return new Promise(() => undefined);
      };
      navigator.locks.request(name, forever).catch(reject);
    }),
  pause: async () => control.pause(),
  continue: async () => control.continue(),
  stop: async () => control.stop(),
};

expose(api);
