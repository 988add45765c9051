/** Thrown where the budget ends. */
class BudgetOver extends Error {}

/** The time of one tuning: who may begin, and what is no longer waited for. */
export class TuningBudget {
  private readonly startMs = performance.now();
  private readonly budgetMs: number;
  private readonly stop = new AbortController();
  private readonly stopped: Promise<never>;
  private readonly timer: ReturnType<typeof setTimeout>;
  private readonly signal: AbortSignal | undefined;
  private readonly onAbort = (): void => this.stop.abort(this.signal?.reason);
  private longestTrialMs = 0;

  constructor(budgetMs: number, signal: AbortSignal | undefined) {
    this.budgetMs = budgetMs;
    this.signal = signal;
    signal?.addEventListener("abort", this.onAbort);
    this.timer = setTimeout(() => this.end(), budgetMs);
    this.stopped = new Promise((_, reject) => {
      this.stop.signal.addEventListener("abort", () => reject(this.stop.signal.reason));
    });
    this.stopped.catch(() => undefined);
  }

  get elapsedMs(): number {
    return performance.now() - this.startMs;
  }

  /** No further trial is begun. */
  get over(): boolean {
    return this.stop.signal.aborted;
  }

  /** Seconds until the end by the pace so far; null at the beginning. */
  secondsLeft(done: number, total: number): number | null {
    if (done === 0) return null;
    const byPace = (this.elapsedMs / done) * (total - done);
    return Math.max(0, Math.min(byPace, this.budgetMs - this.elapsedMs)) / 1000;
  }

  /** Ends the budget unless a trial as long as the longest so far fits into the rest, and throws when it has ended. */
  beginTrial(): { end(): void } {
    if (this.longestTrialMs > this.budgetMs - this.elapsedMs) this.end();
    this.check();
    const begun = performance.now();
    return {
      end: () => {
        this.longestTrialMs = Math.max(this.longestTrialMs, performance.now() - begun);
      },
    };
  }

  /** Throws once it has ended: before each thing that takes time, also in work that is no longer waited for. */
  check(): void {
    this.stop.signal.throwIfAborted();
  }

  /** The work's result; rejects when the budget ends first. The work then ends at its next `check`, and cleans up itself. */
  async within(work: Promise<void>): Promise<void> {
    work.catch(() => undefined);
    await Promise.race([work, this.stopped]);
  }

  /** Ends it: nothing that looks here goes on. */
  end(): void {
    clearTimeout(this.timer);
    this.signal?.removeEventListener("abort", this.onAbort);
    this.stop.abort(new BudgetOver("The tuning's time is over."));
  }
}
