import { describe, expect, it } from "vitest";
import { setupsMarkdown } from "./setupsMarkdown";
import { studyRun } from "./studyRuns.fixture";

const NOW = Date.UTC(2026, 0, 2);

describe("setupsMarkdown", () => {
  const runs = [
    studyRun({ id: "single", epochSeconds: [50, 50] }),
    studyRun({ id: "dp", engine: { setup: "dp:2" }, epochSeconds: [30, 30] }),
    studyRun({ id: "ddp", engine: { setup: "ddp:2" }, epochSeconds: [25, 25], shared: true }),
  ];

  it("states the conditions before the tables, and the study's row beside ours", () => {
    const text = setupsMarkdown(runs, NOW);
    expect(text.indexOf("10 images of 6 patients, 16×16")).toBeLessThan(text.indexOf("**Table IV.**"));
    expect(text).toMatch(/\| 2 replicas, DP \|.*\| 60\.0 ± 0\.0 \| 2 \| 34\.034 \|.*\| 4665\.2 \|/);
    expect(text).toMatch(/\| 2 replicas, DP \| 60\.0 ± 0\.0 \| 40\.0 ± 0\.0 \|/);
  });

  it("claims no time saved where replicas shared a device, and says so in the row", () => {
    const row = setupsMarkdown(runs, NOW)
      .split("\n")
      .find((line) => line.includes("DDP (shared device)"));
    expect(row).toContain("shared device: none claimed");
    expect(row?.match(/none claimed/g)).toHaveLength(2);
  });

  it("says what Table V lacks", () => {
    expect(setupsMarkdown(runs.slice(0, 1), NOW)).toContain("Table V needs a run of one device beside");
    const untested = studyRun({ id: "x", change: (result) => ({ ...result, test: null }) });
    expect(setupsMarkdown([untested], NOW)).toBe("No run has test results.\n");
  });
});
