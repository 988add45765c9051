import type { AutomationStatus } from "@/app/automation";

/** Seconds as `1 h 02 min`, `3 min 20 s` or `12 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** One line that says where the work is; null when there is nothing to say. */
export function progressLine(status: AutomationStatus): string | null {
  const { importing, comparing, phase, progress } = status;
  if (importing) {
    const total = importing.total === null ? "" : ` of ${importing.total}`;
    const left = importing.secondsLeft === null ? "" : `, ${duration(importing.secondsLeft)} left`;
    return `images ${importing.done}${total} (${importing.imagesPerSecond.toFixed(0)}/s, ${importing.skipped} skipped${left})`;
  }
  if (comparing) {
    const left = comparing.secondsLeft === null ? "" : ` (${duration(comparing.secondsLeft)} left)`;
    return `methods ${comparing.done} of ${comparing.total} pictures${left}`;
  }
  if (phase === null) return null;
  if (!progress || phase !== "training") return status.note ? `${phase}: ${status.note}` : phase;
  const loss = status.lastLoss === null ? "" : ` loss ${status.lastLoss.toFixed(5)}`;
  const left = progress.secondsLeft === null ? "" : `, ${duration(progress.secondsLeft)} left`;
  const validation = status.validation
    ? `; validation loss ${status.validation.loss.toFixed(5)}, ${status.validation.psnrDb.toFixed(2)} dB`
    : "";
  return `epoch ${progress.epoch}/${progress.epochs} step ${progress.step}/${progress.totalSteps}${loss} (${progress.imagesPerSecond.toFixed(1)} images/s${left})${validation}`;
}

/** Prints a line to standard error when it changed; on a terminal over the last one, else at most every ten seconds. */
export class ProgressPrinter {
  private last = "";
  private lastAt = 0;
  private readonly terminal = process.stderr.isTTY === true;

  show(line: string | null, now = performance.now()): void {
    if (line === null || line === this.last) return;
    if (!this.terminal && now - this.lastAt < 10_000 && this.kind(line) === this.kind(this.last)) return;
    process.stderr.write(this.terminal ? `\r\x1b[2K${line}` : `${line}\n`);
    this.last = line;
    this.lastAt = now;
  }

  /** Ends the line in progress. */
  end(): void {
    if (this.terminal && this.last !== "") process.stderr.write("\n");
    this.last = "";
  }

  private kind(line: string): string {
    return line.split(" ", 1)[0] as string;
  }
}
