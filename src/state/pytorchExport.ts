import * as evaluation from "@/bridge/evaluation";
import { startPhantoms } from "@/bridge/importer";
import type { Outcome } from "@/contracts/failure";
import { phantomCount, type RunConfig } from "@/contracts/runConfig";
import { refreshDatasets } from "./datasets";

export interface ExportProgress {
  readonly doing: "rendering" | "packing";
  readonly done: number;
  /** Null while it is not known. */
  readonly total: number | null;
}

/**
 * The run of a config as a zip that PyTorch trains. Phantoms are rendered first where the config names them, as a run does.
 * Fails as rendering (`data/busy`) and the export do.
 */
export async function exportForPytorch(
  request: { readonly name: string; readonly config: RunConfig },
  onProgress: (progress: ExportProgress) => void,
): Promise<Outcome<Blob>> {
  const { data, seed } = request.config;
  const count = phantomCount(data.source);
  if (count !== null) {
    const rendered = await startPhantoms({ count, size: data.size, seed }, ({ done, total }) =>
      onProgress({ doing: "rendering", done, total }),
    ).done;
    if (!rendered.ok) return rendered;
    void refreshDatasets();
  }
  return evaluation.exportForPytorch(request, ({ imagesDone, images }) =>
    onProgress({ doing: "packing", done: imagesDone, total: images }),
  );
}
