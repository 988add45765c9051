import { Averager } from "@/training/parallel/averager";
import type { ExchangeTask } from "./bench-exchange.worker";

/** What `scripts/bench-exchange.mjs` runs in the browser. */
export interface ExchangeCase extends Omit<ExchangeTask, "port" | "rank"> {
  readonly shared: boolean;
}

export interface ExchangeTimes {
  /** Of each round after the first: what the exchange adds to the backward pass, of the slowest replica. */
  readonly addedMs: number[];
  /** Of each round: the averager's own work on the main thread. */
  readonly averageMs: number[];
  /** Longest task of the main thread. */
  readonly longestTaskMs: number;
}

export async function benchExchange({ shared, ...task }: ExchangeCase): Promise<ExchangeTimes> {
  if (shared && !crossOriginIsolated) throw new Error("This page is not cross-origin isolated.");
  const averager = new Averager({ setup: { kind: "ddp", replicas: task.replicas }, shared });
  let longestTaskMs = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestTaskMs = Math.max(longestTaskMs, duration);
  });
  observer.observe({ type: "longtask" });
  const workers: Worker[] = [];
  try {
    const results = await Promise.all(
      Array.from({ length: task.replicas }, (_, rank) => {
        const { port1, port2 } = new MessageChannel();
        averager.connect(rank, port1);
        const worker = new Worker(new URL("./bench-exchange.worker.ts", import.meta.url), { type: "module" });
        workers.push(worker);
        return new Promise<{ stepMs: number[]; averageMs: number[] }>((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = (event) => reject(new Error(event.message));
          const sent: ExchangeTask = { ...task, port: port2, rank };
          worker.postMessage(sent, [port2]);
        });
      }),
    );
    const [first] = results;
    // The first round allocates, and waits for workers that start.
    const addedMs = (first?.stepMs ?? [])
      .map((_, round) => Math.max(...results.map(({ stepMs }) => stepMs[round] ?? 0)))
      .slice(1);
    return { addedMs, averageMs: first?.averageMs.slice(1) ?? [], longestTaskMs };
  } finally {
    observer.disconnect();
    for (const worker of workers) worker.terminate();
    averager.close();
  }
}
