import type { ImportProgress, Listener } from "@/contracts/workers";

const REPORT_MS = 100;
/** The rate is that of the last seconds: a resumed import races through what it has, then decodes. */
const RATE_WINDOW_MS = 5000;

export type ProgressCounts = Pick<ImportProgress, "done" | "total" | "stored" | "duplicates" | "skipped">;

/** Turns counts into progress messages, at most ten a second. */
export class ProgressMeter {
  private readonly samples: { readonly time: number; readonly done: number }[] = [];
  private readonly datasetId: string;
  private readonly listener: Listener<ImportProgress>;
  private readonly now: () => number;
  private lastReport = Number.NEGATIVE_INFINITY;

  constructor(datasetId: string, listener: Listener<ImportProgress>, now = () => performance.now()) {
    this.datasetId = datasetId;
    this.listener = listener;
    this.now = now;
    this.samples.push({ time: now(), done: 0 });
  }

  /** Tells the listener, unless it was told a moment ago and this is not the `last` time. */
  report(counts: ProgressCounts, last = false): void {
    const time = this.now();
    if (!last && time - this.lastReport < REPORT_MS) return;
    this.lastReport = time;
    const { done, total } = counts;
    this.samples.push({ time, done });
    while (this.samples.length > 2 && time - (this.samples[1]?.time ?? time) > RATE_WINDOW_MS)
      this.samples.shift();
    const first = this.samples[0];
    const seconds = first ? (time - first.time) / 1000 : 0;
    const imagesPerSecond = first && seconds > 0 ? (done - first.done) / seconds : 0;
    this.listener({
      ...counts,
      datasetId: this.datasetId,
      imagesPerSecond,
      secondsLeft: total === null || imagesPerSecond === 0 ? null : (total - done) / imagesPerSecond,
    });
  }
}
