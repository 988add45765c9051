import { buildGraph } from "@/model/build";
import type { Batch, Engine, Executor, ExecutorOptions } from "./executor";
import type { Fixture } from "./fixtures";

/** A fixture's network, weights and settings. */
export function optionsOf(fixture: Fixture, precision: "f32" | "mixed" = "f32"): ExecutorOptions {
  return {
    graph: buildGraph(fixture.model),
    weights: fixture.initial,
    height: fixture.height,
    width: fixture.width,
    loss: fixture.loss,
    precision,
    adam: fixture.adam,
  };
}

/** An executor with a fixture's network, weights and settings. Used by tests only. */
export function createFor(engine: Engine, fixture: Fixture): Promise<Executor> {
  return engine.create(optionsOf(fixture));
}

/** The batch of a step, counted from 0. */
export function batchOf(fixture: Fixture, step: number): Batch {
  return fixture.batches[step % fixture.batches.length] as Batch;
}
