import { expect, it, vi } from "vitest";
import type { DatasetRecord } from "@/contracts/dataset";
import type { ModelSummary, RunRecord } from "@/contracts/run";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import { syntheticModels } from "./syntheticModels";

vi.mock("@/bridge/importer", () => ({}));
vi.mock("@/bridge/evaluation", () => ({}));

const run = (id: string, source: string, synthetic: boolean | null) =>
  ({
    id,
    config: { ...DEFAULT_CONFIG, data: { ...DEFAULT_CONFIG.data, source } },
    result: synthetic === null ? null : { dataset: { synthetic } },
  }) as unknown as RunRecord;
const model = (id: string, runId: string | null) => ({ id, runId }) as ModelSummary;

it("tells phantom-trained models by their run's result, else by its dataset", () => {
  const runs = [
    run("finished", "dataset:gone", true),
    run("real", "dataset:x", false),
    run("unfinished", "dataset:p", null),
    run("unknown", "dataset:x", null),
  ];
  const datasets = [
    { id: "p", kind: "phantom" },
    { id: "x", kind: "imported" },
  ] as DatasetRecord[];
  const models = [...runs.map(({ id }) => model(`of-${id}`, id)), model("imported", null)];
  expect([...syntheticModels(models, runs, datasets)]).toEqual(["of-finished", "of-unfinished"]);
});
