import { useMemo } from "react";
import type { DatasetRecord } from "@/contracts/dataset";
import type { ModelSummary, RunRecord } from "@/contracts/run";
import { datasetId } from "@/contracts/runConfig";
import { useDatasets } from "./datasets";
import { useRuns } from "./runs";

/** Ids of the models that learned from phantoms only, as far as their runs and datasets are still stored. */
export function syntheticModels(
  models: readonly ModelSummary[],
  runs: readonly RunRecord[],
  datasets: readonly DatasetRecord[],
): ReadonlySet<string> {
  const phantoms = new Set(datasets.filter(({ kind }) => kind === "phantom").map(({ id }) => id));
  const synthetic = new Set(
    runs
      .filter(({ config, result }) => {
        const dataset = datasetId(config.data.source);
        return (
          result?.dataset.synthetic ??
          (dataset === null ? config.data.source.startsWith("phantom:") : phantoms.has(dataset))
        );
      })
      .map(({ id }) => id),
  );
  return new Set(models.filter(({ runId }) => runId !== null && synthetic.has(runId)).map(({ id }) => id));
}

/** `syntheticModels` of what is stored here. */
export function useSyntheticModels(models: readonly ModelSummary[]): ReadonlySet<string> {
  const { runs } = useRuns();
  const { datasets } = useDatasets();
  return useMemo(() => syntheticModels(models, runs, datasets), [models, runs, datasets]);
}
