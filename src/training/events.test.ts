import { describe, expect, it } from "vitest";
import type { ProgressInfo, TrainingEvent } from "@/contracts/training";
import { EventBatcher } from "./events";

const progress = (step: number): ProgressInfo => ({
  step,
  totalSteps: 100,
  epoch: 1,
  epochs: 1,
  stepInEpoch: step,
  stepsPerEpoch: 100,
  imagesPerSecond: 1,
  secondsLeft: null,
  deviceBytes: null,
});

function batcher() {
  const sent: TrainingEvent[] = [];
  const clock = { ms: 0 };
  const events = new EventBatcher(
    (event) => sent.push(event),
    () => clock.ms,
  );
  return { sent, clock, events };
}

describe("EventBatcher", () => {
  it("sends at most ten messages a second and every step in one of them", () => {
    const { sent, clock, events } = batcher();
    for (let step = 1; step <= 1000; step++) {
      clock.ms = step * 10;
      events.step(step / 2, step, progress(step));
      if (step % 5 === 0) events.emit({ type: "checkpoint", step, epoch: 1, atMs: 0 });
    }
    events.flush();
    // 10 seconds: 100 messages; the last sending ran ahead by one flush, and `flush` adds another, two messages each.
    expect(sent.length).toBeLessThanOrEqual(104);
    const losses = sent.flatMap((event) => (event.type === "steps" ? [...event.steps.losses] : []));
    expect(losses).toEqual(Array.from({ length: 1000 }, (_, i) => (i + 1) / 2));
    let next = 1;
    for (const event of sent)
      if (event.type === "steps") {
        expect(event.steps.firstStep).toBe(next);
        next += event.steps.losses.length;
        expect(event.progress.step).toBe(next - 1);
      }
  });

  it("keeps only the newest phase, and every epoch, steps first", () => {
    const { sent, clock, events } = batcher();
    events.emit({ type: "phase", phase: "preparing" });
    clock.ms = 50;
    events.emit({ type: "phase", phase: "validating" });
    events.emit({ type: "phase", phase: "training" });
    events.step(1, 1, progress(1));
    expect(sent.map(({ type }) => type)).toEqual(["phase"]);
    clock.ms = 100;
    events.poll();
    expect(sent.slice(1)).toMatchObject([{ type: "steps" }, { type: "phase", phase: "training" }]);
  });
});
