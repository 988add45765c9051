import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TuningEntry } from "@/contracts/engineLab";
import { LabError } from "@/contracts/failure";
import type { Engine } from "@/engine/executor";
import type { Tuner } from "@/engine/tuning";
import { getCheckpoint } from "@/storage/checkpoints";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { clearTuning, putTuning } from "@/storage/tuning";
import { resumeSession } from "./session";
import { CONFIG, engineWith, start, storeDataset, type Thread, thread } from "./session.fixture";

const entry = (kernel: string, variant: string): TuningEntry => ({
  device: "this",
  kernel,
  variant,
  ms: 1,
  defaultVariant: "pixel",
  defaultMs: 2,
  measuredAtMs: 3,
});

/** A session on an engine that tunes nothing unasked, with the choices that each of its executors was made with. */
function tunedThread(beforeStep: (step: number) => Promise<void> | void): Thread & {
  readonly madeWith: readonly (Readonly<Record<string, string>> | undefined)[];
} {
  const madeWith: (Readonly<Record<string, string>> | undefined)[] = [];
  const plain = engineWith(beforeStep);
  const tuner: Tuner = { device: async () => ({ key: "this", software: true }), tune: vi.fn() };
  const engine: Engine = {
    ...plain,
    tuner,
    create: (options) => {
      madeWith.push(options.tuning);
      return plain.create(options);
    },
  };
  return { ...thread(engine), madeWith };
}

/** The stored choice is forgotten, and another is made in its place. */
async function resetAndTuneOtherwise(): Promise<void> {
  await clearTuning();
  await putTuning(entry("conv", "tile"));
}

beforeEach(async () => {
  await storeDataset();
  await putTuning(entry("conv", "lane"));
});
afterEach(async () => {
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("a run keeps the choices of kernels that it began with", () => {
  it("when it is resumed after the stored tuning was reset", async () => {
    const first = tunedThread((step) => {
      if (step === 5) first.control.stop();
    });
    await start(first, "a");
    expect(first.madeWith).toEqual([{ conv: "lane" }]);
    expect((await getCheckpoint("a"))?.tuning).toEqual({ conv: "lane" });
    await resetAndTuneOtherwise();
    const second = tunedThread((step) => {
      if (step === 8) second.control.stop();
    });
    await resumeSession("a", second.context);
    expect(second.madeWith).toEqual([{ conv: "lane" }]);
    // Its later checkpoints keep them too.
    expect(await getCheckpoint("a")).toMatchObject({ step: 8, tuning: { conv: "lane" } });
    const third = tunedThread(() => undefined);
    await resumeSession("a", third.context);
    expect(third.madeWith).toEqual([{ conv: "lane" }]);
  });

  it("when its device is lost after the reset", async () => {
    let lost = false;
    const mine = tunedThread(async (step) => {
      if (step !== 5 || lost) return;
      lost = true;
      await resetAndTuneOtherwise();
      throw new LabError("engine/device-lost", "The graphics device was lost (test).", "Go on.");
    });
    await start(mine, "a");
    expect(mine.madeWith).toEqual([{ conv: "lane" }, { conv: "lane" }]);
  });

  it("while a run that begins after it takes what is stored then", async () => {
    await resetAndTuneOtherwise();
    const mine = tunedThread(() => undefined);
    await start(mine, "a", { ...CONFIG, training: { ...CONFIG.training, epochs: 1 } });
    expect(mine.madeWith).toEqual([{ conv: "tile" }]);
    await clearTuning();
    const after = tunedThread(() => undefined);
    await start(after, "b", { ...CONFIG, training: { ...CONFIG.training, epochs: 1 } });
    expect(after.madeWith).toEqual([{}]);
  });
});
