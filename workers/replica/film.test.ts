import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { referenceEngine } from "@/engine/reference/engine";
import { initialWeights } from "@/model/init";
import { readSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { readFilm } from "@/storage/films";
import { modelsOfRun } from "@/storage/models";
import { PairMaker } from "@/training/batches";
import { spread } from "@/training/preview";
import { SingleStepper } from "@/training/stepper";
import { executorOptions, graphOf } from "./continuing";
import { openRunData } from "./data";
import { CONFIG, start, storeDataset, thread } from "./session.fixture";

beforeEach(() => storeDataset());
afterEach(async () => {
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("the film of a run", () => {
  it("shows the validation images from before the first step to the last", async () => {
    await start(thread(undefined, 1), "a");
    const film = await readFilm("a");
    const { reader, split } = await openRunData(CONFIG);
    const shown = spread(split.validation.length, 4)
      .slice(0, 3)
      .map((place) => split.validation[place] as number);
    expect(film?.images).toMatchObject({ count: 3, side: 16, sourceSide: 16, indices: [...shown] });
    expect(film?.images.clean).toEqual(await reader.read(shown));
    const steps = film?.frames.map(({ step }) => step) ?? [];
    expect(steps[0]).toBe(0);
    expect(steps.at(-1)).toBe(9);
    expect(steps.slice(1, 4)).toEqual([1, 2, 3]);
  });

  it("leaves weights and BatchNorm's statistics as they are without one", async () => {
    await start(thread(undefined, 1), "a");
    const filmed = (await modelsOfRun("a")).find(({ kind }) => kind === "last");
    const { reader, split } = await openRunData(CONFIG);
    const { noise, seed, training } = CONFIG;
    const executor = await referenceEngine.create(
      executorOptions(CONFIG, initialWeights(graphOf(CONFIG), seed)),
    );
    const pairs = new PairMaker(reader, noise, seed);
    const { batchSize, epochs, learningRate } = training;
    const stepper = new SingleStepper({ executor, pairs, train: split.train, seed, noise, batchSize });
    for (let epoch = 1; epoch <= epochs; epoch++)
      for (let number = 0; number < Math.ceil(split.train.length / batchSize); number++) {
        const prepared = await stepper.prepare(epoch, number);
        if ("error" in prepared) throw prepared.error;
        await stepper.step(prepared.value, learningRate);
        // As the engine of these sessions does.
        await executor.writeWeights(await executor.readWeights());
        await executor.writeOptimizer(await executor.readOptimizer());
      }
    expect(filmed && readSafetensors(filmed.bytes).tensors).toEqual(await executor.readWeights());
    await executor.dispose();
  });
});
