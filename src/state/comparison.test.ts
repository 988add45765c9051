import { beforeEach, describe, expect, it, vi } from "vitest";
import * as comparison from "@/bridge/comparison";
import type { Outcome } from "@/contracts/failure";
import { compareAfterTraining, compareMethods, comparisonOf, comparisonStore } from "./comparison";

vi.mock("@/bridge/comparison", () => ({ compare: vi.fn(), cancel: vi.fn() }));
vi.mock("./runs", () => ({ refreshRuns: vi.fn(() => Promise.resolve()) }));

const cancelled: Outcome<void> = {
  ok: false,
  failure: { code: "run/cancelled", message: "It was ended.", remedy: "Start it again." },
};
const broken: Outcome<void> = {
  ok: false,
  failure: { code: "run/no-images", message: "No images.", remedy: "Import them." },
};

beforeEach(() => {
  vi.mocked(comparison.compare).mockReset();
  comparisonStore.setState(comparisonStore.getInitialState(), true);
});

describe("compareMethods", () => {
  it("shows how far it is, and refuses a second one meanwhile", async () => {
    let end: (outcome: Outcome<void>) => void = () => undefined;
    vi.mocked(comparison.compare).mockImplementation((_run, _names, onProgress) => {
      onProgress({ done: 1, total: 4, secondsLeft: null });
      return new Promise((resolve) => {
        end = resolve;
      });
    });
    const first = compareMethods("r-1");
    expect(comparisonStore.getState()).toMatchObject({ runId: "r-1", working: true, progress: { done: 1 } });
    expect(await compareMethods("r-2")).toMatchObject({ failure: { code: "run/comparing" } });
    expect(comparisonStore.getState().runId).toBe("r-1");
    end({ ok: true, value: undefined });
    expect(await first).toEqual({ ok: true, value: undefined });
    expect(comparisonStore.getState()).toMatchObject({ working: false, progress: null, failure: null });
  });

  it("keeps a failure to show, but not that it was cancelled", async () => {
    vi.mocked(comparison.compare).mockResolvedValueOnce(broken);
    await compareMethods("r-1");
    expect(comparisonStore.getState().failure?.code).toBe("run/no-images");
    vi.mocked(comparison.compare).mockResolvedValueOnce(cancelled);
    await compareMethods("r-1");
    expect(comparisonStore.getState()).toMatchObject({ working: false, failure: null });
  });

  it("that a run's end started is waited for, not done again; with other methods it is", async () => {
    const compare = vi.mocked(comparison.compare).mockResolvedValue({ ok: true, value: undefined });
    compareAfterTraining("r-1", ["tv", "bm3d"]);
    expect(comparisonStore.getState().working).toBe(true);
    expect(await comparisonOf("r-1", ["tv", "bm3d"])).toEqual({ ok: true, value: undefined });
    expect(comparisonStore.getState()).toMatchObject({ working: false, finished: true });
    expect(await comparisonOf("r-1", ["tv", "bm3d"])).toEqual({ ok: true, value: undefined });
    expect(compare).toHaveBeenCalledTimes(1);
    await comparisonOf("r-1", ["tv"]);
    await comparisonOf("r-2", ["tv", "bm3d"]);
    expect(compare).toHaveBeenCalledTimes(3);
  });
});
