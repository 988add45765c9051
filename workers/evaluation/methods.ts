import { LabError } from "@/contracts/failure";
import { ALL_METHODS } from "@/contracts/runConfig";
import type { ComparisonProgress } from "@/contracts/workers";
import { compareMethods } from "@/evaluation/methods/compare";
import { meanCorrected } from "@/evaluation/methods/meanCorrected";
import type { MethodDescription, TrainedMethod } from "@/evaluation/methods/method";
import { describedMethod, METHODS, TRAINED_METHODS } from "@/evaluation/methods/registry";
import type { MethodRunner } from "@/evaluation/methods/task";
import { openImageReader } from "@/storage/datasets";
import { getRun, updateRun } from "@/storage/runs";
import { readerAtSize } from "@/training/resizedReader";
import { storedLpips } from "../storedLpips";
import type { Denoiser } from "./denoiser";
import { nextTask } from "./nextTask";
import { datasetOf } from "./runs";
import { openStoredMethod, type StoredMethod } from "./storedMethod";

/** What to do where a trained method was asked for and has no weights. */
function noWeights({ title, name }: TrainedMethod): LabError {
  return new LabError(
    `weights/no-${name}`,
    `No weights of ${title} are stored here but this run's own.`,
    `Import a weight file on the Denoise screen (headless: --${name} FILE), or train one.`,
  );
}

/**
 * Runs methods (all that differ when `names` is empty or has `ALL_METHODS`) on a run's noisy test images and stores their results with it. LPIPS is
 * measured with the network of the run's own, where its weights are still stored. Fails with
 * `run/missing`, `run/untested`, `run/no-images`, `config/baseline`, `weights/no-…` (a trained method was named, and no weights for
 * it are stored; among all it is left out then) and as `compareMethods` does.
 */
export async function compareStoredRun(
  id: string,
  names: readonly string[],
  onProgress: (progress: ComparisonProgress) => void,
  shouldStop: () => boolean,
  runner: MethodRunner,
  denoiser: Denoiser,
): Promise<void> {
  const all = names.length === 0 || names.includes(ALL_METHODS);
  if (!all) for (const name of names) describedMethod(name);
  const run = await getRun(id);
  // Without a mean to take off, that method is the noisy input again, and would count as one test more.
  const asked = ({ name }: MethodDescription): boolean =>
    all ? name !== meanCorrected.name || run.config.noise.mean !== 0 : names.includes(name);
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
  const stored: StoredMethod[] = [];
  for (const method of TRAINED_METHODS.filter(asked)) {
    const opened = await openStoredMethod(method, run.config.noise, id, denoiser);
    if (opened) stored.push(opened);
    else if (!all) throw noWeights(method);
  }
  const methods = [...METHODS.filter(asked), ...stored];
  const { size } = run.config.data;
  const started = performance.now();
  const lpips = result.test.lpips?.ok ? await storedLpips(result.test.lpips.value.network) : null;
  let compared: Awaited<ReturnType<typeof compareMethods>>;
  try {
    compared = await compareMethods({
      reader: readerAtSize(await openImageReader(dataset.id), size),
      perImage,
      noise: run.config.noise,
      seed: run.config.seed,
      methods,
      runner: {
        lanes: runner.lanes,
        run: (task) => (stored.find(({ name }) => name === task.method) ?? runner).run(task),
      },
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
    });
  } finally {
    lpips?.dispose();
    for (const method of stored) await method.close();
  }
  // Read again: hours may have passed since.
  const { result: now } = await getRun(id);
  if (now) await updateRun(id, { result: { ...now, methods: compared } });
}
