import { transfer, wrap } from "comlink";
import type { Setup } from "@/contracts/runConfig";
import type { LeaderLinks, ReplicaApi } from "@/contracts/workers";
import { Averager } from "@/training/parallel/averager";

export interface Followers {
  /** For the leader; to be sent once. */
  readonly links: LeaderLinks;
  /** Ends all workers and lets go of their memory. */
  end(): void;
}

/**
 * Starts replicas 1, 2, … of a run, each in a worker of its own, and the averager that they and the leader (rank 0) meet at.
 * A worker that dies, even without a word, is reported to the averager: it lets go of a lock that it held.
 */
export function startFollowers(runId: string, setup: Setup): Followers {
  const workers: Worker[] = [];
  const ending = new AbortController();
  const averager = new Averager({
    setup,
    shared: globalThis.crossOriginIsolated === true,
    onGone: (rank) => workers[rank - 1]?.terminate(),
  });
  /** Of a channel to the averager: the replica's end. */
  const portTo = (rank: number): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    averager.connect(rank, port1);
    return port2;
  };
  const leaders: MessagePort[] = [];
  for (let rank = 1; rank < setup.replicas; rank++) {
    const worker = new Worker(new URL("../../workers/replica.worker.ts", import.meta.url), {
      type: "module",
      name: `replica ${rank} of ${runId}`,
    });
    workers.push(worker);
    const lose = (reason: string): void => {
      if (!ending.signal.aborted) averager.lose(rank, reason);
    };
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      lose(`its worker ended: ${event.message || "no reason was given"}`);
    });
    worker.addEventListener("messageerror", () => lose("a message to it could not be read"));
    const { port1: toFollower, port2: toLeader } = new MessageChannel();
    leaders.push(toFollower);
    const lock = `replica:${runId}:${rank}:${crypto.randomUUID()}`;
    const remote = wrap<ReplicaApi>(worker);
    const links = { averager: portTo(rank), leader: toLeader };
    remote.holdLock(lock).then(
      () => watchLock(lock, ending.signal, () => lose("its worker ended")),
      () => undefined,
    );
    remote.follow(transfer(links, [links.averager, links.leader])).catch(() => undefined);
  }
  const links: LeaderLinks = { averager: portTo(0), followers: leaders };
  return {
    links: transfer(links, [links.averager, ...leaders]),
    end: () => {
      ending.abort();
      for (const worker of workers) worker.terminate();
      averager.close();
    },
  };
}

/** Calls `onFree` when the thread that holds the lock is gone. */
function watchLock(name: string, signal: AbortSignal, onFree: () => void): void {
  // Ends with the signal's reason when nobody wants to know any more.
  navigator.locks.request(name, { signal }, onFree).catch(() => undefined);
}
