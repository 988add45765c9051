import type { ProgressInfo, TrainingEvent } from "@/contracts/training";

/** At most ten messages a second. */
const MESSAGE_INTERVAL_MS = 100;
/** Of these only the newest matters; older ones not yet sent are dropped. */
const ONLY_NEWEST: ReadonlySet<TrainingEvent["type"]> = new Set([
  "phase",
  "preview",
  "checkpoint",
  "replicas",
]);

/**
 * Gathers events and sends them in batches. There is no timer: the training loop calls `poll` wherever it passes, and
 * `flush` before it waits or ends.
 */
export class EventBatcher {
  private readonly send: (event: TrainingEvent) => void;
  private readonly now: () => number;
  private pending: TrainingEvent[] = [];
  private firstStep = 0;
  private losses: number[] = [];
  private stepMs: number[] = [];
  private progress: ProgressInfo | null = null;
  private nextSendMs = Number.NEGATIVE_INFINITY;
  private lastStep = 0;

  constructor(send: (event: TrainingEvent) => void, now: () => number) {
    this.send = send;
    this.now = now;
  }

  /** Steps done by all that was told so far: where a failure finds the run. */
  get stepsDone(): number {
    return this.lastStep;
  }

  /** One step done; `progress.step` is its number. */
  step(loss: number, stepMs: number, progress: ProgressInfo): void {
    this.lastStep = progress.step;
    if (this.losses.length === 0) this.firstStep = progress.step;
    this.losses.push(loss);
    this.stepMs.push(stepMs);
    this.progress = progress;
    this.poll();
  }

  emit(event: TrainingEvent): void {
    if (event.type === "started") this.lastStep = event.started.firstStep;
    if (event.type === "recovered") this.lastStep = event.recovery.checkpointStep;
    if (ONLY_NEWEST.has(event.type))
      this.pending = this.pending.filter((earlier) => earlier.type !== event.type);
    this.pending.push(event);
    this.poll();
  }

  /** Sends what waits if the last sending is long enough ago. */
  poll(): void {
    if (this.now() >= this.nextSendMs) this.flush();
  }

  /** Sends what waits: the steps first, then the rest in order. */
  flush(): void {
    const events = this.pending;
    this.pending = [];
    if (this.progress) {
      const { losses, stepMs, firstStep, progress } = this;
      const steps = { firstStep, losses: Float32Array.from(losses), stepMs: Float32Array.from(stepMs) };
      events.unshift({ type: "steps", steps, progress });
      this.losses = [];
      this.stepMs = [];
      this.progress = null;
    }
    for (const event of events) this.send(event);
    if (events.length > 0) this.nextSendMs = this.now() + events.length * MESSAGE_INTERVAL_MS;
  }
}
