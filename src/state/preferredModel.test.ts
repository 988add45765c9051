import { expect, it } from "vitest";
import type { ModelSummary } from "@/contracts/run";
import { preferredModel } from "./preferredModel";

const model = (id: string, runId: string | null, kind: ModelSummary["kind"], createdAt: number) =>
  ({ id, runId, kind, createdAt }) as ModelSummary;

it("is the best of the newest run, or the newest import", () => {
  const models = [
    model("last", "r2", "last", 6),
    model("best", "r2", "best", 5),
    model("older", "r1", "best", 1),
  ];
  expect(preferredModel(models)?.id).toBe("best");
  expect(preferredModel([...models, model("file", null, "imported", 9)])?.id).toBe("file");
  expect(preferredModel([model("only-last", "r3", "last", 1)])?.id).toBe("only-last");
  expect(preferredModel([])).toBeNull();
});
