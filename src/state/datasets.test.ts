import { beforeEach, describe, expect, it, vi } from "vitest";
import type { DatasetRecord } from "@/contracts/dataset";
import type { Outcome } from "@/contracts/failure";
import type { ImportProgress, ImportReport, ImportRequest } from "@/contracts/workers";

interface Job {
  readonly request: ImportRequest;
  readonly onProgress: (progress: ImportProgress) => void;
  readonly end: (outcome: Outcome<ImportReport>) => void;
  cancelled: boolean;
}
const { jobs, stored } = vi.hoisted(() => ({ jobs: [] as Job[], stored: { list: [] as DatasetRecord[] } }));

vi.mock("@/storage/datasets", () => ({ listDatasets: async () => stored.list }));
vi.mock("@/bridge/importer", () => ({
  startImport: (request: ImportRequest, onProgress: Job["onProgress"]) => {
    let job: Job | null = null;
    const done = new Promise<Outcome<ImportReport>>((end) => {
      job = { request, onProgress, end, cancelled: false };
      jobs.push(job);
    });
    return {
      done,
      cancel: () => {
        if (job) job.cancelled = true;
      },
    };
  },
}));

const { cancelImport, datasetsStore, dismissImportEnd, importImages, knownPaths, refreshDatasets } =
  await import("./datasets");

const request = (name: string): ImportRequest => ({
  name,
  size: 64,
  sources: [],
  patientCsv: null,
  resumeDatasetId: null,
  maxImages: null,
});
const record = (id: string, createdAt: number) => ({ id, createdAt }) as DatasetRecord;
const progress = (done: number): ImportProgress => ({
  datasetId: "d",
  done,
  total: 10,
  stored: done,
  duplicates: 0,
  skipped: 0,
  imagesPerSecond: 5,
  secondsLeft: 1,
});
const report: ImportReport = {
  dataset: record("d", 1),
  duplicates: 0,
  skipped: [],
  cancelled: false,
  ended: null,
  paths: new Map([["abc", "set/1.png"]]),
};

beforeEach(() => {
  jobs.length = 0;
  stored.list = [];
  dismissImportEnd();
});

describe("an import", () => {
  it("shows its progress, ends with its report, and reads the list again", async () => {
    const imported = importImages(request("set"));
    jobs[0]?.onProgress(progress(3));
    expect(datasetsStore.getState().job).toMatchObject({ name: "set", progress: { done: 3 } });
    stored.list = [record("older", 1), record("newer", 2)];
    jobs[0]?.end({ ok: true, value: report });
    await imported;
    const { job, end, datasets } = datasetsStore.getState();
    expect(job).toBeNull();
    expect(end).toEqual({ kind: "imported", report });
    expect(datasets.map(({ id }) => id)).toEqual(["newer", "older"]);
    expect(knownPaths().get("abc")).toBe("set/1.png");
  });

  it("drops progress that comes after the end", async () => {
    const imported = importImages(request("set"));
    jobs[0]?.end({ ok: true, value: report });
    await imported;
    jobs[0]?.onProgress(progress(9));
    expect(datasetsStore.getState().job).toBeNull();
  });

  it("is cancelled once asked, and says so until it has ended", async () => {
    const imported = importImages(request("set"));
    cancelImport();
    expect(jobs[0]?.cancelled).toBe(true);
    expect(datasetsStore.getState().job?.cancelling).toBe(true);
    jobs[0]?.end({ ok: true, value: { ...report, cancelled: true } });
    await imported;
    cancelImport();
    expect(datasetsStore.getState().job).toBeNull();
  });

  it("refuses a second one while it runs", async () => {
    const first = importImages(request("first"));
    await importImages(request("second"));
    expect(jobs).toHaveLength(1);
    expect(datasetsStore.getState().end).toMatchObject({ kind: "failed", failure: { code: "data/busy" } });
    expect(datasetsStore.getState().job?.name).toBe("first");
    jobs[0]?.end({ ok: true, value: report });
    await first;
  });

  it("keeps a failure in words", async () => {
    const imported = importImages(request("set"));
    const failure = { code: "data/empty", message: "No image.", remedy: "Choose another folder." } as const;
    jobs[0]?.end({ ok: false, failure });
    await imported;
    expect(datasetsStore.getState().end).toEqual({ kind: "failed", name: "set", failure });
  });
});

it("a list that cannot be read is a failure, not an empty list", async () => {
  stored.list = [record("d", 1)];
  await refreshDatasets();
  // The store reads the array; a broken one stands for a database that does not open.
  stored.list = null as unknown as DatasetRecord[];
  await refreshDatasets();
  expect(datasetsStore.getState()).toMatchObject({
    status: "failed",
    failure: { code: "internal/unexpected" },
  });
});
