import { describe, expect, it } from "vitest";
import { buildGraph } from "@/model/build";
import { FIXTURE_NAMES, type Fixture, loadFixture, relativeError } from "../fixtures";
import { referenceEngine } from "./engine";

/** Both sides compute in float64; gradients and final weights are stored as float32 (6e-8). */
const RTOL = 1e-6;
/** What cancels to (nearly) zero is compared with the size of what cancels instead: differences under 1e-6·1e-6. */
const CANCELLED_FLOOR = 1e-6;

const create = (fixture: Fixture) =>
  referenceEngine.create({
    graph: buildGraph(fixture.model),
    weights: fixture.initial,
    height: fixture.height,
    width: fixture.width,
    loss: fixture.loss,
    adam: fixture.adam,
  });

describe.each(FIXTURE_NAMES)("reference against PyTorch: %s", (name) => {
  it("has the gradients of the first step", async () => {
    const fixture = await loadFixture(name);
    const executor = await create(fixture);
    await executor.computeGradients(fixture.batches[0] as Fixture["batches"][0]);
    const gradients = await executor.readGradients();
    expect([...gradients.keys()]).toEqual([...fixture.gradients.keys()]);
    for (const [key, { data }] of fixture.gradients) {
      const actual = gradients.get(key)?.data ?? [];
      const floor = fixture.zeroGradients.includes(key) ? CANCELLED_FLOOR : 0;
      expect(relativeError(actual, data, floor), key).toBeLessThan(RTOL);
    }
    await executor.dispose();
  });

  it("has the losses of 20 steps, the final weights and their output", async () => {
    const fixture = await loadFixture(name);
    const executor = await create(fixture);
    for (const [step, expected] of fixture.losses.entries()) {
      const batch = fixture.batches[step % fixture.batches.length] as Fixture["batches"][0];
      const loss = await executor.trainStep(batch, fixture.learningRate);
      expect(Math.abs(loss / expected - 1), `step ${step + 1}`).toBeLessThan(RTOL);
    }
    const weights = await executor.readWeights();
    for (const [key, { data }] of fixture.final ?? [])
      expect(relativeError(weights.get(key)?.data ?? [], data), key).toBeLessThan(RTOL);
    if (fixture.inferred) {
      const inferred = await executor.infer(fixture.batches[0]?.noisy as Float32Array<ArrayBuffer>, 3);
      expect(relativeError(inferred, fixture.inferred)).toBeLessThan(RTOL);
    }
    await executor.dispose();
  });
});
