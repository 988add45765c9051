import { toFailure } from "@/contracts/failure";
import { batchOf, createFor } from "../fixtureRun";
import { loadFixture } from "../fixtures";
import { getEngine, type RunnableEngine } from "../registry";

export interface TrainRequest {
  readonly engine: RunnableEngine;
  readonly steps: number;
  /** What the browser shall say it has. */
  readonly cores: number;
}

/** For tests: trains a fixture's first steps in a dedicated worker and posts what came of it. */
self.onmessage = async ({ data }: MessageEvent<TrainRequest>) => {
  try {
    Object.defineProperty(navigator, "hardwareConcurrency", { value: data.cores });
    const fixture = await loadFixture("unet");
    const executor = await createFor(getEngine(data.engine), fixture);
    const losses: number[] = [];
    for (let step = 0; step < data.steps; step++)
      losses.push(await executor.trainStep(batchOf(fixture, step), fixture.learningRate));
    const { info } = executor;
    await executor.dispose();
    self.postMessage({ losses, info, isolated: self.crossOriginIsolated });
  } catch (error) {
    self.postMessage({ failure: toFailure(error) });
  }
};
