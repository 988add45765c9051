import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { TuningEntry } from "@/contracts/engineLab";
import type { Engine, ExecutorOptions } from "@/engine/executor";
import { referenceEngine } from "@/engine/reference/engine";
import type { Tuner } from "@/engine/tuning";
import { clearTuning, listTuning, putTuning } from "@/storage/tuning";
import { storedTuning, tuningFor } from "./tuning";

const entry = (device: string, kernel: string, variant: string): TuningEntry => ({
  device,
  kernel,
  variant,
  ms: 1,
  defaultVariant: "pixel",
  defaultMs: 2,
  measuredAtMs: 3,
});

function tunerOf(software: boolean) {
  const tune = vi.fn<Tuner["tune"]>(async (_options, _images, _pass, { onEntry, onProgress }) => {
    onProgress?.({ done: 1, total: 4, kernel: "b", secondsLeft: 7.2 });
    const found = entry("this", "b", "tile");
    onEntry?.(found);
    return { entries: [found], left: 3, seconds: 1, failures: [] };
  });
  return { tuner: { device: async () => ({ key: "this", software }), tune }, tune };
}

const OPTIONS = {} as ExecutorOptions;
const engineWith = (tuner: Tuner): Engine => ({ ...referenceEngine, tuner });
const never = new AbortController().signal;

beforeEach(async () => {
  await clearTuning();
  await putTuning(entry("this", "a", "lane"));
  await putTuning(entry("other", "a", "pixel"));
});

describe("tuningFor", () => {
  it("tunes a graphics card for 20 s at most, leaves out what is known, and keeps what it finds", async () => {
    const { tuner, tune } = tunerOf(false);
    const notes: string[] = [];
    const tuning = await tuningFor(engineWith(tuner), OPTIONS, 4, never, (note) => notes.push(note));
    expect(tuning).toEqual({ a: "lane", b: "tile" });
    const settings = tune.mock.calls[0]?.[3];
    expect(settings?.budgetMs).toBe(20_000);
    expect([...(settings?.known ?? [])]).toEqual(["a"]);
    expect(notes).toEqual(["Tuning kernels for this GPU: 1 of 4, about 8 s"]);
    expect(await listTuning()).toHaveLength(3);
    expect(await storedTuning(tuner)).toEqual(tuning);
  });

  it("uses what is stored on a software adapter, and tunes nothing unasked", async () => {
    const { tuner, tune } = tunerOf(true);
    expect(await tuningFor(engineWith(tuner), OPTIONS, 4, never, () => undefined)).toEqual({ a: "lane" });
    expect(tune).not.toHaveBeenCalled();
  });

  it("is nothing for an engine without a tuner", async () => {
    expect(await tuningFor(referenceEngine, OPTIONS, 4, never, () => undefined)).toEqual({});
  });
});
