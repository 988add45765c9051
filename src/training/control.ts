import { LabError } from "@/contracts/failure";

/** What the person at the screen wants of a run; the loop looks at it between steps. */
export class RunControl {
  private paused = false;
  private stops = 0;
  private wake: () => void = () => undefined;
  private readonly aborter = new AbortController();

  /** Wait after the step in progress. */
  pause(): void {
    this.paused = this.stops === 0;
  }

  continue(): void {
    this.paused = false;
    this.wake();
  }

  /** End after the step in progress; asked a second time, without finishing validation and tests. */
  stop(): void {
    this.stops++;
    this.aborter.abort(
      new LabError(
        "run/cancelled",
        "The run was stopped before it began.",
        "Start it again; nothing was stored.",
      ),
    );
    this.continue();
  }

  /** Aborted by the first stop: for what comes before the first step, where there is nothing to finish. */
  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  get pauseWanted(): boolean {
    return this.paused;
  }

  get stopWanted(): boolean {
    return this.stops > 0;
  }

  get hurryWanted(): boolean {
    return this.stops > 1;
  }

  /** Resolves when `continue` or `stop` is called. */
  async untilContinued(): Promise<void> {
    while (this.paused) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
