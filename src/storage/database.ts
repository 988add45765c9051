import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB, type StoreNames } from "idb";
import type { DatasetRecord, ImageRecord, ShardRecord } from "@/contracts/dataset";
import type { TuningEntry } from "@/contracts/engineLab";
import { LabError } from "@/contracts/failure";
import type { FilmFrame, FilmImages } from "@/contracts/film";
import type { LpipsWeightsRecord } from "@/contracts/lpips";
import type { CurveChunk, ModelRecord, RunRecord } from "@/contracts/run";
import type { OptimizerState, StateDict } from "@/contracts/tensors";
import type { PreviewStrip, ReplicaStatus } from "@/contracts/training";

export const DATABASE_NAME = "denoise-lab";
/** Raise with every change of the schema and add a step to `upgrade`. */
export const DATABASE_VERSION = 6;

/** Everything needed to continue a run to the same numbers. Written in one transaction with the run record. */
export interface CheckpointRecord {
  readonly runId: string;
  /** The tuner's choices that the run is trained with, by kernel; absent in checkpoints of earlier versions. */
  readonly tuning?: Readonly<Record<string, string>>;
  readonly step: number;
  /** Epoch in progress (1-based) and steps done in it. */
  readonly epoch: number;
  readonly stepInEpoch: number;
  /** Sum of the batch losses of the epoch in progress. */
  readonly epochLossSum: number;
  readonly weights: StateDict;
  readonly optimizer: OptimizerState;
  readonly best: {
    readonly epoch: number;
    readonly validationLoss: number;
    readonly weights: StateDict;
  } | null;
  readonly epochsWithoutImprovement: number;
  /** Wall seconds so far. */
  readonly trainSeconds: number;
  readonly validationSeconds: number;
  /** What each replica has done, and its part of a step's images; absent in runs of one replica. */
  readonly replicas?: readonly ReplicaStatus[];
  /** The executor to continue on: the same numbers need the same engine. */
  readonly engine: string;
}

export interface PreviewRecord extends PreviewStrip {
  readonly runId: string;
}

export interface FilmRecord extends FilmImages {
  readonly runId: string;
}

export interface FilmFrameRecord extends FilmFrame {
  readonly runId: string;
}

/** The first steps of a run, recorded for replay in PyTorch (`trace` in the config). */
export interface TraceRecord {
  readonly runId: string;
  /** Weights before step 1 and after step K. */
  readonly initial: StateDict;
  readonly final: StateDict | null;
  /** Gradients of step 1. */
  readonly gradients: StateDict;
  readonly losses: readonly number[];
  readonly batches: readonly {
    readonly images: number;
    readonly noisy: Float32Array<ArrayBuffer>;
    readonly clean: Float32Array<ArrayBuffer>;
    /** Images of each replica, where there were several. */
    readonly replicas?: readonly number[];
  }[];
}

export interface LabSchema extends DBSchema {
  datasets: { key: string; value: DatasetRecord };
  images: {
    key: [string, number];
    value: ImageRecord;
    indexes: { byHash: [string, string] };
  };
  shards: { key: [string, number]; value: ShardRecord };
  runs: { key: string; value: RunRecord };
  curves: { key: [string, number]; value: CurveChunk };
  checkpoints: { key: string; value: CheckpointRecord };
  /** Key [runId, epoch]. */
  previews: { key: [string, number]; value: PreviewRecord };
  /** The images of a run's film, and its frames by [runId, step]. */
  films: { key: string; value: FilmRecord };
  filmFrames: { key: [string, number]; value: FilmFrameRecord };
  traces: { key: string; value: TraceRecord };
  models: { key: string; value: ModelRecord; indexes: { byRun: string; byIdAndTime: [string, number] } };
  settings: { key: string; value: unknown };
  /** Key [device, kernel]. */
  tuning: { key: [string, string]; value: TuningEntry };
  /** Key: the network. */
  lpips: { key: string; value: LpipsWeightsRecord };
}

export type LabDatabase = IDBPDatabase<LabSchema>;

type Upgrade = IDBPTransaction<LabSchema, StoreNames<LabSchema>[], "versionchange">;

/** Runs stored before version 3 tell nothing of recoveries: they had none. */
async function addRecoveries(transaction: Upgrade): Promise<void> {
  for await (const cursor of transaction.objectStore("runs")) {
    const { value } = cursor;
    const result = value.result && { ...value.result, recoveries: [] };
    await cursor.update({ ...value, result, recoveries: [] });
  }
}

let opened: Promise<LabDatabase> | null = null;

/**
 * The database, opened once per thread. Failures: `storage/newer` (made by a newer version of the lab),
 * `storage/unavailable` (private mode or storage switched off).
 */
export function openDatabase(): Promise<LabDatabase> {
  opened ??= openDB<LabSchema>(DATABASE_NAME, DATABASE_VERSION, {
    async upgrade(database, oldVersion, _newVersion, transaction) {
      if (oldVersion < 1) {
        database.createObjectStore("datasets", { keyPath: "id" });
        database
          .createObjectStore("images", { keyPath: ["datasetId", "index"] })
          .createIndex("byHash", ["datasetId", "contentHash"], { unique: true });
        database.createObjectStore("shards", { keyPath: ["datasetId", "shard"] });
        database.createObjectStore("runs", { keyPath: "id" });
        database.createObjectStore("curves", { keyPath: ["runId", "chunk"] });
        database.createObjectStore("checkpoints", { keyPath: "runId" });
        database.createObjectStore("previews", { keyPath: ["runId", "epoch"] });
        database.createObjectStore("traces", { keyPath: "runId" });
        database.createObjectStore("models", { keyPath: "id" }).createIndex("byRun", "runId");
        database.createObjectStore("settings");
      }
      // When a model was stored, without reading its weights.
      if (oldVersion < 2)
        transaction.objectStore("models").createIndex("byIdAndTime", ["id", "createdAt"], { unique: true });
      if (oldVersion < 3) await addRecoveries(transaction);
      if (oldVersion < 4) database.createObjectStore("tuning", { keyPath: ["device", "kernel"] });
      if (oldVersion < 5) database.createObjectStore("lpips", { keyPath: "network" });
      // Runs of earlier versions have no film.
      if (oldVersion < 6) {
        database.createObjectStore("films", { keyPath: "runId" });
        database.createObjectStore("filmFrames", { keyPath: ["runId", "step"] });
      }
    },
    // A newer tab wants to upgrade: let go, so that it can; the next call reopens.
    blocking(_currentVersion, _blockedVersion, event) {
      (event.target as IDBDatabase).close();
      opened = null;
    },
    terminated() {
      opened = null;
    },
  }).catch((error: unknown) => {
    opened = null;
    if (error instanceof DOMException && error.name === "VersionError")
      throw new LabError(
        "storage/newer",
        "The data stored here was written by a newer version of the lab.",
        "Open the newer version; nothing was changed.",
        { cause: error },
      );
    throw new LabError(
      "storage/unavailable",
      `The browser did not open its database: ${error instanceof Error ? error.message : String(error)}.`,
      "Leave private browsing or allow site data for this address, then reload.",
      { cause: error },
    );
  });
  return opened;
}

/** Closes this thread's connection (tests, and before deleting the database). */
export async function closeDatabase(): Promise<void> {
  const database = await opened;
  opened = null;
  database?.close();
}
