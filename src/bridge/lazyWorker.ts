import { type Remote, wrap } from "comlink";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";

export interface LazyWorkerOptions {
  /** Starts the worker; called at the first call, and again after a crash or an idle end. */
  readonly start: () => Worker;
  /** Starts workers that serve the worker just started; they end with it, and it with any of them. */
  readonly startHelpers?: (worker: Worker) => readonly Worker[];
  /** Ended after this long without a call in progress. */
  readonly idleMs: number;
  /** For messages, e.g. `evaluation`. */
  readonly name: string;
}

interface Running<Api> {
  readonly worker: Worker;
  readonly helpers: readonly Worker[];
  readonly api: Remote<Api>;
  /** Resolves with the failure when the worker dies. */
  readonly crashed: Promise<Failure>;
}

/**
 * A worker that starts at its first call, ends when idle, and is started anew after a crash. Calls in progress when it
 * crashes resolve to `internal/worker-crashed`; nothing ever rejects.
 */
export class LazyWorker<Api> {
  private readonly options: LazyWorkerOptions;
  private running: Running<Api> | null = null;
  private callsInProgress = 0;
  private idleTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: LazyWorkerOptions) {
    this.options = options;
  }

  /** Runs one call of the worker's API. */
  async call<T>(work: (api: Remote<Api>) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    if (this.idleTimer !== null) clearTimeout(this.idleTimer);
    this.idleTimer = null;
    this.callsInProgress++;
    try {
      this.running ??= this.start();
      const { api, crashed } = this.running;
      const failed = crashed.then((failure): Outcome<T> => ({ ok: false, failure }));
      return await Promise.race([work(api), failed]);
    } catch (error) {
      return { ok: false, failure: toFailure(error) };
    } finally {
      this.callsInProgress--;
      if (this.callsInProgress === 0) this.idleTimer = setTimeout(() => this.end(), this.options.idleMs);
    }
  }

  /** Tells the worker something if it runs, and nothing if it does not (a cancel, say). */
  async notify(work: (api: Remote<Api>) => Promise<void>): Promise<void> {
    if (!this.running) return;
    const { api, crashed } = this.running;
    await Promise.race([work(api), crashed]);
  }

  /** Ends the worker; the next call starts another. */
  end(): void {
    if (this.running) for (const worker of [this.running.worker, ...this.running.helpers]) worker.terminate();
    this.running = null;
  }

  private start(): Running<Api> {
    const worker = this.options.start();
    const helpers = this.options.startHelpers?.(worker) ?? [];
    const all = [worker, ...helpers];
    const crashed = new Promise<Failure>((resolve) => {
      const onCrash = (event: Event): void => {
        // Handled here: the page's own error handler must not report it a second time.
        event.preventDefault();
        if (this.running?.worker === worker) this.running = null;
        for (const each of all) each.terminate();
        const reason = "message" in event && typeof event.message === "string" ? `: ${event.message}` : "";
        resolve({
          code: "internal/worker-crashed",
          message: `The ${this.options.name} worker ended unexpectedly${reason}.`,
          remedy: "Try again; it restarts by itself. With a large image or network, close other tabs first.",
        });
      };
      for (const each of all) {
        each.addEventListener("error", onCrash);
        each.addEventListener("messageerror", onCrash);
      }
    });
    return { worker, helpers, api: wrap<Api>(worker), crashed };
  }
}
