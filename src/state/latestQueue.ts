interface Asked<Request, Result> {
  readonly request: Request;
  readonly onResult: (result: Result, request: Request) => void;
}

export interface LatestQueueOptions<Request, Result> {
  /** Must not throw: failures are part of the result. */
  readonly work: (request: Request) => Promise<Result>;
  /** Whether a result is still worth showing when `wanted` was asked for under the same key meanwhile. */
  readonly keep: (done: Request, wanted: Request) => boolean;
}

/**
 * Latest wins, by key: one request is worked on at a time, and for each key at most one waits, so that a dragged slider
 * never builds a queue. A key's results come in the order of its requests.
 */
export class LatestQueue<Request, Result> {
  private readonly options: LatestQueueOptions<Request, Result>;
  private readonly waiting = new Map<string, Asked<Request, Result>>();
  private running: { readonly key: string; dropped: boolean } | null = null;

  constructor(options: LatestQueueOptions<Request, Result>) {
    this.options = options;
  }

  /** Runs `request` after what is in progress; a request of this key that still waits is replaced in its place. */
  ask(key: string, request: Request, onResult: (result: Result, request: Request) => void): void {
    this.waiting.set(key, { request, onResult });
    if (!this.running) void this.run();
  }

  /** Forgets what waits under the key and drops the result of what runs. */
  drop(key: string): void {
    this.waiting.delete(key);
    if (this.running?.key === key) this.running.dropped = true;
  }

  private async run(): Promise<void> {
    for (;;) {
      const next = this.waiting.entries().next();
      if (next.done) break;
      const [key, { request, onResult }] = next.value;
      this.waiting.delete(key);
      const running = { key, dropped: false };
      this.running = running;
      const result = await this.options.work(request);
      const wanted = this.waiting.get(key);
      if (!running.dropped && (!wanted || this.options.keep(request, wanted.request)))
        onResult(result, request);
    }
    this.running = null;
  }
}
