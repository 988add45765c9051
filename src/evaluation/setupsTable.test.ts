import { describe, expect, it } from "vitest";
import type { RunResult } from "@/contracts/training";
import { exampleRun } from "./exampleRun.fixture";
import { setupsTable } from "./setupsTable";

const { result } = exampleRun().run;
const replica = { adapter: "GPU", shared: false, images: 8, computeMs: 1000, exchangeMs: 10, lost: null };

function made(setup: string, precision: "f32" | "mixed", seconds: number, shared = false): RunResult {
  return {
    ...result,
    config: { ...result.config, engine: { ...result.config.engine, setup, precision } },
    timing: { ...result.timing, trainSeconds: seconds, validationSeconds: 0 },
    replicas: setup === "single" ? [replica] : [0, 1].map(() => ({ ...replica, shared })),
  };
}

describe("setupsTable", () => {
  const rows = (results: readonly RunResult[]) =>
    setupsTable(results)
      .split("\n")
      .filter((line) => line.startsWith("| ") && !line.startsWith("| Setup") && !line.startsWith("| ---"));

  it("has the study's row beside ours where it ran that setup, and says where it did not", () => {
    const text = rows([
      made("single", "f32", 100),
      made("dp:2", "f32", 60),
      made("ddp:2", "f32", 55),
      made("ddp:2", "mixed", 40),
    ]);
    expect(text[0]).toContain("| – | 1 GPU | 34.952 ± 0.040 |");
    expect(text[1]).toContain("| 60.0 | 40.0 % | 2 GPUs, DP | 34.034 |");
    expect(text[2]).toContain("| 55.0 | 45.0 % | not in the study |");
    // There is no single run in mixed precision to compare with.
    expect(text[3]).toContain("| 40.0 | – | 2 GPUs, DDP + mixed precision | 34.483 |");
  });

  it("claims no time saved where replicas shared a device, and says so in the row", () => {
    const [, shared] = rows([made("single", "f32", 100), made("ddp:2", "f32", 50, true)]);
    expect(shared).toContain("ddp:2, f32 (shared device)");
    expect(shared).toContain("shared device: none claimed");
    expect(shared).not.toContain("50.0 %");
  });

  it("states the conditions before the table", () => {
    const text = setupsTable([made("single", "f32", 100)]);
    expect(text.indexOf("10 images of 16×16")).toBeGreaterThan(0);
    expect(text.indexOf("10 images of 16×16")).toBeLessThan(text.indexOf("| Setup"));
  });
});
