import { useEffect } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import * as importer from "@/bridge/importer";
import type { DatasetRecord } from "@/contracts/dataset";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";
import type { ImportProgress, ImportReport, ImportRequest } from "@/contracts/workers";
import { listDatasets } from "@/storage/datasets";
import { forgetImages } from "./datasetImages";
import { refreshStorage } from "./storageInfo";

/** What the import worker is doing for this tab; it goes on whatever screen is shown. */
export interface ImportJob {
  readonly kind: "import" | "phantoms";
  readonly name: string;
  /** Null until the worker's first message. */
  readonly progress: ImportProgress | null;
  readonly cancelling: boolean;
}

/** How the last job ended, until it is dismissed. */
export type ImportEnd =
  | { readonly kind: "imported"; readonly report: ImportReport }
  | { readonly kind: "rendered"; readonly dataset: DatasetRecord }
  | { readonly kind: "failed"; readonly name: string; readonly failure: Failure };

export interface DatasetsState {
  readonly status: "loading" | "ready" | "failed";
  /** Newest first. */
  readonly datasets: readonly DatasetRecord[];
  readonly failure: Failure | null;
  readonly job: ImportJob | null;
  readonly end: ImportEnd | null;
}

const BUSY: Failure = {
  code: "data/busy",
  message: "Another import is in progress in this tab.",
  remedy: "Wait for it or cancel it; what it has stored is kept.",
};

export const datasetsStore = createStore<DatasetsState>(() => ({
  status: "loading",
  datasets: [],
  failure: null,
  job: null,
  end: null,
}));

/** File names by content hash, of what was imported in this tab: kept in memory only, so that an export can name its files. */
const paths = new Map<string, string>();
export function knownPaths(): ReadonlyMap<string, string> {
  return paths;
}

let cancelJob: (() => void) | null = null;

/** Reads the list of datasets and the storage in use again. */
export async function refreshDatasets(): Promise<void> {
  try {
    const datasets = (await listDatasets()).toSorted((a, b) => b.createdAt - a.createdAt);
    datasetsStore.setState({ status: "ready", datasets, failure: null });
    await refreshStorage();
  } catch (error) {
    datasetsStore.setState({ status: "failed", failure: toFailure(error) });
  }
}

/** The part of a handle that both kinds of work share. */
interface Work<T> {
  readonly done: Promise<Outcome<T>>;
  cancel(): void;
}

async function runJob<T>(
  kind: ImportJob["kind"],
  name: string,
  start: (onProgress: (progress: ImportProgress) => void) => Work<T>,
  toEnd: (value: T) => ImportEnd | null,
): Promise<void> {
  if (datasetsStore.getState().job) {
    datasetsStore.setState({ end: { kind: "failed", name, failure: BUSY } });
    return;
  }
  datasetsStore.setState({ job: { kind, name, progress: null, cancelling: false }, end: null });
  let outcome: Outcome<T>;
  try {
    const work = start((progress) =>
      // A message that was under way when the job ended finds no job.
      datasetsStore.setState(({ job }) => (job ? { job: { ...job, progress } } : {})),
    );
    cancelJob = () => work.cancel();
    outcome = await work.done;
  } catch (error) {
    outcome = { ok: false, failure: toFailure(error) };
  }
  cancelJob = null;
  const end = outcome.ok
    ? toEnd(outcome.value)
    : ({ kind: "failed", name, failure: outcome.failure } satisfies ImportEnd);
  datasetsStore.setState({ job: null, end });
  await refreshDatasets();
}

/** Imports files into a new dataset, or goes on with an interrupted one. The outcome is in `end`. */
export function importImages(request: ImportRequest): Promise<void> {
  return runJob<ImportReport>(
    "import",
    request.name,
    (onProgress) => importer.startImport(request, onProgress),
    (report) => {
      for (const [hash, path] of report.paths) paths.set(hash, path);
      return { kind: "imported", report };
    },
  );
}

/** Renders a dataset of synthetic radiographs. */
export function renderPhantoms(request: {
  readonly count: number;
  readonly size: number;
  readonly seed: number;
}): Promise<void> {
  return runJob<DatasetRecord>(
    "phantoms",
    `${request.count} phantoms`,
    (onProgress) => importer.startPhantoms(request, onProgress),
    (dataset) => ({ kind: "rendered", dataset }),
  );
}

/** Ends the job in progress after the image at hand; what is stored stays. */
export function cancelImport(): void {
  if (!cancelJob) return;
  datasetsStore.setState(({ job }) => (job ? { job: { ...job, cancelling: true } } : {}));
  cancelJob();
}

export function dismissImportEnd(): void {
  datasetsStore.setState({ end: null });
}

export async function renameDataset(id: string, name: string): Promise<Outcome<void>> {
  const outcome = await importer.renameDataset(id, name);
  await refreshDatasets();
  return outcome;
}

export async function deleteDataset(id: string): Promise<Outcome<void>> {
  const outcome = await importer.deleteDataset(id);
  forgetImages(id);
  await refreshDatasets();
  return outcome;
}

/** The datasets stored here; read again when a screen opens. */
export function useDatasets(): DatasetsState {
  useEffect(() => {
    void refreshDatasets();
  }, []);
  return useStore(datasetsStore);
}

/** A part of the state, without reading the list. */
export function useDatasetsPart<T>(select: (state: DatasetsState) => T): T {
  return useStore(datasetsStore, select);
}
