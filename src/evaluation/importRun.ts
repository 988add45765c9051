import { LabError } from "@/contracts/failure";
import type { RunRecord, RunStatus } from "@/contracts/run";
import { setupOf } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import { buildGraph } from "@/model/build";
import { readSafetensors } from "@/model/safetensors";
import { checkStateDict } from "@/model/stateDict";
import { FURTHER_FILE, parsePerImageCsv, parseStepsCsv } from "./csv";
import { readFilmFiles } from "./filmFiles";
import { type ParsedResult, parseResultJson } from "./resultJson";
import type { LazyFile } from "./runZip";
import type { StoredRun } from "./storedRun";

const RESULT_FILE = "result.json";

/** The folder (with its `/`, or empty) whose `result.json` lies highest. Fails with `run/no-result`, `run/several`. */
function resultFolder(files: readonly LazyFile[]): string {
  const folders = files
    .filter(({ path }) => path === RESULT_FILE || path.endsWith(`/${RESULT_FILE}`))
    .map(({ path }) => path.slice(0, -RESULT_FILE.length))
    .sort((a, b) => a.split("/").length - b.split("/").length);
  const [first, second] = folders;
  if (first === undefined)
    throw new LabError(
      "run/no-result",
      `There is no ${RESULT_FILE} among the ${files.length} files.`,
      "Choose a zip exported from the lab, or the whole result folder of a headless run or of PyTorch.",
    );
  if (second !== undefined && second.split("/").length === first.split("/").length)
    throw new LabError(
      "run/several",
      `These files hold ${folders.length} runs.`,
      "Import the folder of one run at a time.",
    );
  return first;
}

function statusOf({ result, failure }: ParsedResult): RunStatus {
  if (result.complete) return "done";
  return failure ? "failed" : "stopped";
}

function startedOf(runId: string, { result, notes }: ParsedResult): RunRecord["started"] {
  const { config, dataset, model, engine, environment } = result;
  const stepsPerEpoch = Math.ceil(dataset.train / (config.training.batchSize * setupOf(config).replicas));
  const totalSteps = stepsPerEpoch * config.training.epochs;
  return {
    runId,
    engine: engine.name,
    engineTimingsMs: engine.timingsMs,
    adapter: environment.adapter,
    parameters: model.parameters,
    forwardGflopsPerImage: model.forwardGflopsPerImage,
    train: dataset.train,
    validation: dataset.validation,
    test: dataset.test,
    stepsPerEpoch,
    totalSteps: Math.min(totalSteps, config.training.maxSteps ?? totalSteps),
    firstStep: 1,
    notes,
  };
}

/**
 * A run from the files of its export: record (as `done`, or how it ended), curve, weights and film; traces and test
 * images stay files. `fallback` names a run whose file does not. Failures: `run/no-result`, `run/several`, `run/newer`,
 * `run/corrupt`, and those of weights that do not fit the network of the config.
 */
export async function readRunFiles(
  files: readonly LazyFile[],
  fallback: { readonly id: string; readonly name: string; readonly createdAt: number },
): Promise<StoredRun> {
  const folder = resultFolder(files);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const bytesOf = async (name: string) => (await byPath.get(folder + name)?.bytes()) ?? null;
  const textOf = async (name: string): Promise<string | null> => {
    const bytes = await bytesOf(name);
    return bytes && new TextDecoder().decode(bytes);
  };
  const parsed = parseResultJson((await textOf(RESULT_FILE)) ?? "");
  const { result } = parsed;
  const { id, name, createdAt } = parsed.identity ?? fallback;

  const graph = buildGraph(result.config.model);
  const weightsOf = async (file: string): Promise<StateDict | null> => {
    const bytes = await bytesOf(file);
    if (!bytes) return null;
    const { tensors } = readSafetensors(bytes);
    checkStateDict(graph, tensors);
    return tensors;
  };
  const weights = { best: await weightsOf("model.safetensors"), last: await weightsOf("last.safetensors") };

  const perImageText = await textOf("per-image.csv");
  const perImage =
    perImageText === null
      ? null
      : parsePerImageCsv(perImageText, await textOf("test-images.csv"), await textOf(FURTHER_FILE));
  const stepsText = await textOf("steps.csv");
  const curve =
    stepsText === null
      ? { losses: new Float32Array(0), stepMs: new Float32Array(0) }
      : parseStepsCsv(stepsText);
  const run: RunRecord = {
    id,
    name,
    config: result.config,
    status: statusOf(parsed),
    createdAt,
    updatedAt: createdAt,
    started: startedOf(id, parsed),
    epochs: result.epochs,
    step: Math.max(curve.losses.length, result.epochs.at(-1)?.step ?? 0),
    checkpointStep: 0,
    result,
    perImage: perImage && perImage.length > 0 ? perImage : null,
    failure: parsed.failure,
    recoveries: result.recoveries,
  };
  return { run, curve, weights, trace: null, film: await readFilmFiles(bytesOf) };
}
