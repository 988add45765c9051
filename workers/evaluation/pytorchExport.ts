import { unwrap } from "@/contracts/failure";
import { parseRunConfig, setupOf } from "@/contracts/runConfig";
import type { EvaluationApi } from "@/contracts/workers";
import { pytorchBundleFiles } from "@/evaluation/pytorchBundle";
import { zipFiles } from "@/evaluation/runZip";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { initialWeights } from "@/model/init";
import { countParameters } from "@/model/parameters";
import { assertBatchesNormalise } from "@/training/plan";
import { openRunData } from "../replica/data";
import { PYTORCH_SCRIPTS } from "./pytorchScripts";

/** The commit the app was built from, put in by the bundler. */
declare const __COMMIT__: string;

type ExportForPytorch = EvaluationApi["exportForPytorch"];

/**
 * A run that has not been trained, as a zip for `pytorch/train.py`. Failures: those of the config, of its dataset
 * (`data/missing`, `data/too-few`, `shape/too-small`), `shape/batch`.
 */
export async function exportForPytorch(
  request: Parameters<ExportForPytorch>[0],
  onProgress: Parameters<ExportForPytorch>[1],
): Promise<Blob> {
  const config = unwrap(parseRunConfig(request.config));
  const { reader, split, contentHashes, summary } = await openRunData(config);
  assertBatchesNormalise(config, Math.ceil(split.train.length / setupOf(config).replicas));
  const graph = buildGraph(config.model);
  const { size } = config.data;
  const { images, patients, synthetic, fingerprint } = summary;
  onProgress({ imagesDone: 0, images });
  const files = pytorchBundleFiles(
    {
      name: request.name,
      config,
      reader,
      contentHashes,
      split,
      dataset: { patients, synthetic, fingerprint },
      model: {
        parameters: countParameters(graph),
        forwardGflopsPerImage: forwardFlops(graph, size, size) / 1e9,
      },
      initialWeights: initialWeights(graph, config.seed),
      commit: __COMMIT__,
      scripts: PYTORCH_SCRIPTS,
    },
    (imagesDone) => onProgress({ imagesDone, images }),
  );
  return zipFiles(files);
}
