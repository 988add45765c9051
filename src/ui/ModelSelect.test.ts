import { expect, it } from "vitest";
import type { ModelSummary } from "@/contracts/run";
import { modelLabel } from "./ModelSelect";

const MODEL: ModelSummary = {
  id: "m",
  name: "Demo (best)",
  runId: "r",
  kind: "best",
  model: { name: "unetpp", width: 8, norm: "last" },
  noise: { mean: 0.1, std: 0.2, draw: "once" },
  createdAt: 0,
  byteLength: 1,
};

it("says which network, for which noise, and that it saw phantoms only", () => {
  expect(modelLabel(MODEL, true)).toBe(
    "Demo (best) · U-Net++ 8 · for σ 0.20, mean 0.1 · learned from phantoms only",
  );
  expect(modelLabel({ ...MODEL, name: "mine", noise: null, kind: "imported" }, false)).toBe(
    "mine · U-Net++ 8, imported",
  );
});
