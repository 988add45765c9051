import { describe, expect, it } from "vitest";
import type { RunRecord } from "@/contracts/run";
import { exampleRun } from "@/evaluation/exampleRun.fixture";
import { firstChoice, isReportable } from "./studyReport";

const { run } = exampleRun();
const made = (id: string, createdAt: number, change: Partial<RunRecord> = {}): RunRecord => ({
  ...run,
  id,
  createdAt,
  ...change,
});
const onOther = { ...run.result, dataset: { ...run.result.dataset, fingerprint: "other" } };

describe("firstChoice", () => {
  it("takes the runs that came to their end on the images of the newest of them", () => {
    const runs = [
      made("running", 9, { status: "running", result: null }),
      made("stopped", 8, { status: "stopped" }),
      made("b", 5),
      made("other", 4, { result: onOther }),
      made("a", 3),
    ];
    expect(firstChoice(runs)).toEqual(["b", "a"]);
    expect(firstChoice([made("newest", 9, { result: onOther }), ...runs])).toEqual(["newest", "other"]);
    expect(firstChoice(runs.slice(0, 2))).toEqual([]);
  });

  it("knows which runs have a place in a report", () => {
    expect(isReportable(run)).toBe(true);
    expect(isReportable({ ...run, result: null })).toBe(false);
    expect(isReportable({ ...run, result: { ...run.result, test: null } })).toBe(false);
  });
});
