import type { RunRecord } from "@/contracts/run";
import type { StateDict } from "@/contracts/tensors";
import { writeSafetensors } from "@/model/safetensors";
import { putModel } from "@/storage/models";

interface RunWeights {
  readonly best: {
    readonly epoch: number;
    readonly validationLoss: number;
    readonly weights: StateDict;
  } | null;
  readonly last: { readonly step: number; readonly weights: StateDict };
}

/** Stores a run's best and last weights as models, replacing what an earlier end of the same run stored. */
export async function storeModels(
  run: Pick<RunRecord, "id" | "name" | "config">,
  { best, last }: RunWeights,
): Promise<void> {
  const put = (kind: "best" | "last", weights: StateDict, notes: Record<string, string>): Promise<void> =>
    putModel({
      id: `${run.id}-${kind}`,
      name: `${run.name} (${kind})`,
      runId: run.id,
      kind,
      model: run.config.model,
      noise: run.config.noise,
      createdAt: Date.now(),
      bytes: writeSafetensors(weights, { config: JSON.stringify(run.config), kind, ...notes }),
    });
  if (best)
    await put("best", best.weights, {
      epoch: String(best.epoch),
      validationLoss: String(best.validationLoss),
    });
  await put("last", last.weights, { step: String(last.step) });
}
