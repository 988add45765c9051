import { LabError } from "@/contracts/failure";
import { ALL_METHODS } from "@/contracts/runConfig";
import type { ComparisonProgress } from "@/contracts/workers";
import { compareMethods } from "@/evaluation/methods/compare";
import { meanCorrected } from "@/evaluation/methods/meanCorrected";
import type { DenoisingMethod } from "@/evaluation/methods/method";
import { METHODS, methodNamed } from "@/evaluation/methods/registry";
import type { MethodRunner } from "@/evaluation/methods/task";
import { openImageReader } from "@/storage/datasets";
import { getRun, updateRun } from "@/storage/runs";
import { readerAtSize } from "@/training/resizedReader";
import { storedLpips } from "../storedLpips";
import { nextTask } from "./nextTask";
import { datasetOf } from "./runs";

/**
 * Runs methods (all that differ when `names` is empty or has `ALL_METHODS`) on a run's noisy test images and stores their results with it. LPIPS is
 * measured with the network of the run's own, where its weights are still stored. Fails with
 * `run/missing`, `run/untested`, `run/no-images`, `config/baseline` and as `compareMethods` does.
 */
export async function compareStoredRun(
  id: string,
  names: readonly string[],
  onProgress: (progress: ComparisonProgress) => void,
  shouldStop: () => boolean,
  runner: MethodRunner,
): Promise<void> {
  const all = names.length === 0 || names.includes(ALL_METHODS);
  if (!all) for (const name of names) methodNamed(name);
  const run = await getRun(id);
  // Without a mean to take off, that method is the noisy input again, and would count as one test more.
  const asked = ({ name }: DenoisingMethod): boolean =>
    all ? name !== meanCorrected.name || run.config.noise.mean !== 0 : names.includes(name);
  const methods = METHODS.filter(asked);
  const { result, perImage } = run;
  if (!result?.test || !perImage || perImage.length === 0)
    throw new LabError(
      "run/untested",
      `${run.name} has no test results.`,
      "Let it come to its end first: methods are compared with its network's results.",
    );
  const dataset = await datasetOf(run);
  if (!dataset)
    throw new LabError(
      "run/no-images",
      `The images of ${run.name} are not stored here.`,
      "Import them at the run's size first.",
    );
  const { size } = run.config.data;
  const started = performance.now();
  const lpips = result.test.lpips?.ok ? await storedLpips(result.test.lpips.value.network) : null;
  const compared = await compareMethods({
    reader: readerAtSize(await openImageReader(dataset.id), size),
    perImage,
    noise: run.config.noise,
    seed: run.config.seed,
    methods,
    runner,
    lpips,
    onProgress: ({ done, total }) =>
      onProgress({
        done,
        total,
        // The first image of each method says nothing of the others yet.
        secondsLeft:
          done < methods.length ? null : ((performance.now() - started) / 1000 / done) * (total - done),
      }),
    shouldStop,
    breathe: nextTask,
  }).finally(() => lpips?.dispose());
  // Read again: hours may have passed since.
  const { result: now } = await getRun(id);
  if (now) await updateRun(id, { result: { ...now, methods: compared } });
}
