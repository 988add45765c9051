import { expose } from "comlink";
import { type Failure, type Outcome, outcomeOf } from "@/contracts/failure";
import type { ImportApi, ImportProgress, Listener } from "@/contracts/workers";
import { deleteDataset, renameDataset } from "@/storage/datasets";
import { DecodePool } from "./import/decodePool";
import { type ImportTools, importImages } from "./import/importImages";
import { makePhantoms } from "./import/makePhantoms";
import { freeBytes } from "./import/space";

/** The bridge's first message: ports to the decode workers. It comes before any call. */
export interface DecoderPorts {
  readonly decoderPorts: readonly MessagePort[];
}

const BUSY: Failure = {
  code: "data/busy",
  message: "Another import is in progress.",
  remedy: "Wait for it or cancel it; what it has stored is kept.",
};

let maker = new DecodePool([]);
let running: { cancelled: boolean } | null = null;

self.addEventListener("message", ({ data }: MessageEvent<Partial<DecoderPorts>>) => {
  if (data.decoderPorts) maker = new DecodePool(data.decoderPorts);
});

/** One job at a time: two would fight for the decoders and the disk. */
async function runJob<T>(
  onProgress: Listener<ImportProgress>,
  work: (tools: ImportTools) => Promise<T>,
): Promise<Outcome<T>> {
  if (running) return { ok: false, failure: BUSY };
  const job = { cancelled: false };
  running = job;
  const outcome = await outcomeOf(() =>
    work({ maker, onProgress, isCancelled: () => job.cancelled, freeBytes }),
  );
  running = null;
  return outcome;
}

const api: ImportApi = {
  importImages: (request, onProgress) => runJob(onProgress, (tools) => importImages(request, tools)),
  makePhantoms: (request, onProgress) => runJob(onProgress, (tools) => makePhantoms(request, tools)),
  async cancel() {
    if (running) running.cancelled = true;
  },
  renameDataset: (id, name) => outcomeOf(() => renameDataset(id, name)),
  deleteDataset: (id) => outcomeOf(() => deleteDataset(id)),
};

expose(api);
