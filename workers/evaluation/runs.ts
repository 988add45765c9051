import type { DatasetRecord } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { ModelRecord, RunRecord } from "@/contracts/run";
import { datasetId } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import { readRunFiles } from "@/evaluation/importRun";
import { partialResult } from "@/evaluation/partialResult";
import { type ExportedImage, runFiles } from "@/evaluation/runFiles";
import { lazyFiles, zipFiles } from "@/evaluation/runZip";
import type { StoredRun } from "@/evaluation/storedRun";
import { denoiseTestBatch } from "@/evaluation/testSet";
import { readSafetensors, writeSafetensors } from "@/model/safetensors";
import { getCheckpoint } from "@/storage/checkpoints";
import type { CheckpointRecord } from "@/storage/database";
import { listDatasets, openImageReader } from "@/storage/datasets";
import { readFilm } from "@/storage/films";
import { modelsOfRun } from "@/storage/models";
import { createRun, getRun, getTrace, readCurve } from "@/storage/runs";
import { readerAtSize } from "@/training/resizedReader";
import { environmentOf } from "../replica/environment";
import type { Denoiser } from "./denoiser";

/** Weights of a kind: as a finished run stored them, else as its last checkpoint has them. */
async function storedRun(
  id: string,
  withFilm: boolean,
): Promise<{
  readonly stored: StoredRun;
  readonly best: ModelRecord | null;
  /** As the last checkpoint has them; undefined where there is none. */
  readonly replicas: CheckpointRecord["replicas"];
}> {
  const run = await getRun(id);
  const [curve, models, checkpoint, trace, film] = await Promise.all([
    readCurve(id),
    modelsOfRun(id),
    getCheckpoint(id),
    getTrace(id),
    withFilm ? readFilm(id) : null,
  ]);
  const modelOf = (kind: ModelRecord["kind"]) => models.find((model) => model.kind === kind) ?? null;
  const weightsOf = (kind: ModelRecord["kind"], other: StateDict | null): StateDict | null => {
    const model = modelOf(kind);
    return model ? readSafetensors(model.bytes).tensors : other;
  };
  const weights = {
    best: weightsOf("best", checkpoint?.best?.weights ?? null),
    last: weightsOf("last", checkpoint?.weights ?? null),
  };
  return {
    stored: { run, curve, weights, trace, film },
    best: modelOf("best"),
    replicas: checkpoint?.replicas,
  };
}

/**
 * The data set a run was made on: by its id or, in another browser, by its fingerprint at the run's size (a fingerprint
 * is of the source files, whatever size they were stored at). Null when it is not here.
 */
export async function datasetOf({ config, result }: RunRecord): Promise<DatasetRecord | null> {
  const datasets = await listDatasets();
  const id = datasetId(config.data.source);
  const byId = datasets.find((dataset) => dataset.id === id);
  const fingerprint = result?.dataset.fingerprint;
  const alike = (dataset: DatasetRecord): boolean =>
    dataset.fingerprint === fingerprint && dataset.size === config.data.size;
  return byId ?? datasets.find(alike) ?? null;
}

/** The first `exportImages` test images again, through the best weights. */
async function* testImages(
  run: RunRecord,
  dataset: DatasetRecord,
  modelId: string,
  denoiser: Denoiser,
): AsyncGenerator<ExportedImage> {
  const { size } = run.config.data;
  const reader = readerAtSize(await openImageReader(dataset.id), size);
  const executor = {
    infer: async (noisy: Float32Array<ArrayBuffer>, images: number) =>
      (await denoiser.infer(modelId, noisy, images, size, size)).output,
  };
  const { noise, seed, evaluation } = run.config;
  for (const { index } of (run.perImage ?? []).slice(0, evaluation.exportImages))
    yield denoiseTestBatch({ executor, reader, noise, seed }, [index]);
}

/** All files of a run as one zip, its film only where asked for. Fails with `run/missing`. */
export async function exportStoredRun(
  id: string,
  paths: ReadonlyMap<string, string>,
  denoiser: Denoiser,
  withFilm = true,
): Promise<Blob> {
  const { stored, best, replicas } = await storedRun(id, withFilm);
  const { run, film } = stored;
  const dataset = await datasetOf(run);
  const result =
    run.result ??
    partialResult(stored, {
      environment: await environmentOf({
        engine: run.started?.engine ?? "",
        adapter: run.started?.adapter ?? null,
        features: [],
        limits: {},
      }),
      dataset: dataset && {
        images: dataset.imageCount,
        patients: dataset.patientCount,
        synthetic: dataset.kind === "phantom",
        fingerprint: dataset.fingerprint,
      },
      replicas,
    });
  const wanted = Math.min(run.config.evaluation.exportImages, run.perImage?.length ?? 0);
  const notes: string[] = [];
  if (wanted > 0 && !dataset)
    notes.push(
      `The ${wanted} test images asked for are not in this export: the data set is no longer stored.`,
    );
  if (film && !result.dataset.synthetic)
    notes.push(
      `The folder film/ shows ${film.images.count} validation images of the data set. Delete it before passing the files on to people who may not see them; nothing else needs it.`,
    );
  const images = dataset && best && wanted > 0 ? testImages(run, dataset, best.id, denoiser) : [];
  return zipFiles(runFiles({ stored, result, paths, images, notes }));
}

/** What to call a run whose file has no name: the zip or the folder it came in. */
function nameOf([first]: readonly File[]): string {
  // Absent in Node, whatever the types say.
  const path: string | undefined = first?.webkitRelativePath;
  return path?.split("/")[0] || first?.name.replace(/\.zip$/i, "") || "Imported run";
}

/** Stores an exported run and returns its id: its own, or a new one when that is taken. All or nothing. */
export async function importStoredRun(files: readonly File[]): Promise<string> {
  const imported = await readRunFiles(await lazyFiles(files), {
    id: crypto.randomUUID(),
    name: nameOf(files),
    createdAt: Date.now(),
  });
  try {
    return await store(imported);
  } catch (error) {
    if (!(error instanceof LabError && error.failure.code === "run/exists")) throw error;
    const id = crypto.randomUUID();
    const { run } = imported;
    const copy: RunRecord = {
      ...run,
      id,
      name: `${run.name} (imported)`,
      started: run.started && { ...run.started, runId: id },
    };
    return store({ ...imported, run: copy });
  }
}

async function store({ run, curve, weights, film }: StoredRun): Promise<string> {
  const model = (kind: "best" | "last", tensors: StateDict | null): ModelRecord[] =>
    tensors
      ? [
          {
            id: `${run.id}-${kind}`,
            name: `${run.name} (${kind})`,
            runId: run.id,
            kind,
            model: run.config.model,
            noise: run.config.noise,
            createdAt: run.createdAt,
            bytes: writeSafetensors(tensors, { format: "pt", config: JSON.stringify(run.config) }),
          },
        ]
      : [];
  await createRun(run, {
    film,
    curve: curve.losses.length > 0 ? { firstStep: 1, ...curve } : null,
    models: [...model("best", weights.best), ...model("last", weights.last)],
  });
  return run.id;
}
