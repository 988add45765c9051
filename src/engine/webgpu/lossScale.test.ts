import { expect, it } from "vitest";
import { LossScale } from "./lossScale";

it("halves on overflow and doubles after 2,000 good steps in a row", () => {
  const lossScale = new LossScale();
  expect(lossScale.scale).toBe(65_536);
  lossScale.stepDone(true);
  expect(lossScale.scale).toBe(32_768);
  for (let step = 0; step < 1999; step++) lossScale.stepDone(false);
  expect(lossScale.state).toEqual({ scale: 32_768, goodSteps: 1999 });
  lossScale.stepDone(true);
  for (let step = 0; step < 1999; step++) lossScale.stepDone(false);
  expect(lossScale.scale).toBe(16_384);
  lossScale.stepDone(false);
  expect(lossScale.state).toEqual({ scale: 32_768, goodSteps: 0 });
});

it("goes on from where it was", () => {
  const lossScale = new LossScale();
  lossScale.restore({ scale: 4, goodSteps: 1999 });
  lossScale.stepDone(false);
  expect(lossScale.scale).toBe(8);
  lossScale.restore(undefined);
  expect(lossScale.scale).toBe(65_536);
});
