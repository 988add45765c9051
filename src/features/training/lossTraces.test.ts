import { expect, it } from "vitest";
import { LossCurve } from "@/state/curve";
import { lossTraces } from "./LossChart";

it("marks on the curve where a replica or a device was lost", () => {
  const curve = new LossCurve();
  curve.append(1, Float32Array.of(4, 3, 2, 1));
  expect(lossTraces(curve, [], []).map(({ style }) => style)).not.toContain("marks");
  const recovery = { checkpointStep: 3, reason: "lost", atMs: 0 };
  const traces = lossTraces(
    curve,
    [],
    [
      { ...recovery, step: 3, replica: 1 },
      { ...recovery, step: 3, replica: 2 },
      { ...recovery, step: 0 },
    ],
  );
  const training = traces.find(({ label }) => label === "training");
  expect(traces.at(-1)).toMatchObject({ style: "marks", x: [1, 3], y: [training?.y[0], training?.y[2]] });
  expect(lossTraces(new LossCurve(), [], [{ ...recovery, step: 3 }]).at(-1)?.style).not.toBe("marks");
});
