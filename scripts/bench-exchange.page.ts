import { Averager } from "@/training/parallel/averager";
import type { ExchangeTask, ReplicaTimes } from "./bench-exchange.worker";

/** What `scripts/bench-exchange.mjs` runs in the browser. */
export interface ExchangeCase extends Omit<ExchangeTask, "port" | "rank"> {
  readonly shared: boolean;
}

/** Of each round after the first. */
export interface ExchangeTimes {
  /** What the exchange adds to the backward pass, of the slowest replica. */
  readonly addedMs: number[];
  /** What the busiest replica copied, converted and summed, by the clock. */
  readonly averageMs: number[];
  /** The same number of bytes copied by all replicas at once, by the clock. */
  readonly floorMs: number[];
  /** Processor time of all threads of the page, as `readCpuMs` tells, and of its main thread. */
  readonly cpuMs: number[];
  readonly mainCpuMs: number[];
  /** Longest task of the main thread, from the first round on, by the clock. */
  readonly longestTaskMs: number;
}

declare global {
  /** Processor time that the browser's threads have used, from outside of it. */
  var readCpuMs: () => Promise<{ readonly all: number; readonly main: number }>;
}

export async function benchExchange({ shared, ...task }: ExchangeCase): Promise<ExchangeTimes> {
  if (shared && !crossOriginIsolated) throw new Error("This page is not cross-origin isolated.");
  const averager = new Averager({ setup: { kind: "ddp", replicas: task.replicas }, shared });
  let longestTaskMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestTaskMs = Math.max(longestTaskMs, duration);
  });
  const cpuMs: number[] = [];
  const mainCpuMs: number[] = [];
  const workers: Worker[] = [];
  let waiting = 0;
  let begun = { all: 0, main: 0 };
  /** All wait for each other before a round and after it. */
  const heard = async (what: "ready" | "done"): Promise<void> => {
    waiting++;
    if (waiting < task.replicas) return;
    waiting = 0;
    if (begun.all === 0) observer.observe({ type: "longtask" });
    const now = await readCpuMs();
    if (what === "ready") begun = now;
    else {
      cpuMs.push(now.all - begun.all);
      mainCpuMs.push(now.main - begun.main);
    }
    for (const worker of workers) worker.postMessage("round");
  };
  try {
    const results = await Promise.all(
      Array.from({ length: task.replicas }, (_, rank) => {
        const { port1, port2 } = new MessageChannel();
        averager.connect(rank, port1);
        const worker = new Worker(new URL("./bench-exchange.worker.ts", import.meta.url), { type: "module" });
        workers.push(worker);
        return new Promise<ReplicaTimes>((resolve, reject) => {
          worker.onmessage = ({ data }: MessageEvent<ReplicaTimes | "ready" | "done">) => {
            if (typeof data === "string") heard(data).catch(reject);
            else resolve(data);
          };
          worker.onerror = (event) => reject(new Error(event.message));
          const sent: ExchangeTask = { ...task, port: port2, rank };
          worker.postMessage(sent, [port2]);
        });
      }),
    );
    // The first round allocates, and waits for workers that start.
    const slowest = (name: keyof ReplicaTimes): number[] =>
      (results[0]?.[name] ?? [])
        .map((_, round) => Math.max(...results.map((times) => times[name][round] ?? 0)))
        .slice(1);
    return {
      addedMs: slowest("stepMs"),
      averageMs: slowest("averageMs"),
      floorMs: slowest("floorMs"),
      cpuMs: cpuMs.slice(1),
      mainCpuMs: mainCpuMs.slice(1),
      longestTaskMs,
    };
  } finally {
    observer.disconnect();
    for (const worker of workers) worker.terminate();
    averager.close();
  }
}
