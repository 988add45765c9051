import type { ModelSummary } from "@/contracts/run";

/** The model to offer first: the newest, and of a run's two its best weights. Null when there is none. */
export function preferredModel(models: readonly ModelSummary[]): ModelSummary | null {
  const newest = models.reduce<ModelSummary | null>(
    (best, model) => (best === null || model.createdAt > best.createdAt ? model : best),
    null,
  );
  if (newest === null || newest.runId === null) return newest;
  return models.find(({ runId, kind }) => runId === newest.runId && kind === "best") ?? newest;
}
