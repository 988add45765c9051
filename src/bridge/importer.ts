import type { DecoderPorts } from "@workers/import.worker";
import { proxy, type Remote } from "comlink";
import type { DatasetRecord } from "@/contracts/dataset";
import type { Outcome } from "@/contracts/failure";
import type { ImportApi, ImportProgress, ImportReport, ImportRequest, Listener } from "@/contracts/workers";
import { LazyWorker } from "./lazyWorker";

/** Long enough for the next drop; then the decoders' memory is given back. */
const IDLE_MS = 30_000;
/** More would only wait for the one that writes. */
const MAX_DECODERS = 4;

/** Decode workers, one core left for the page and the writer. */
function decoderCount(): number {
  return Math.max(1, Math.min(navigator.hardwareConcurrency - 1, MAX_DECODERS));
}

const importer = new LazyWorker<ImportApi>({
  name: "import",
  idleMs: IDLE_MS,
  start: () =>
    new Worker(new URL("../../workers/import.worker.ts", import.meta.url), {
      type: "module",
      name: "import",
    }),
  // Pixels go from worker to worker over these channels and never pass the page.
  startHelpers(importWorker) {
    const channels = Array.from({ length: decoderCount() }, () => new MessageChannel());
    const ports: DecoderPorts = { decoderPorts: channels.map(({ port1 }) => port1) };
    importWorker.postMessage(ports, [...ports.decoderPorts]);
    return channels.map(({ port2 }) => {
      const decoder = new Worker(new URL("../../workers/decode.worker.ts", import.meta.url), {
        type: "module",
        name: "decode",
      });
      decoder.postMessage(port2, [port2]);
      return decoder;
    });
  },
});

/** A job in the import worker. `done` never rejects. */
export interface ImportHandle<T> {
  readonly done: Promise<Outcome<T>>;
  /** Ends the job at the next image; what was stored stays. */
  cancel(): void;
}

function startJob<T>(work: (api: Remote<ImportApi>) => Promise<Outcome<T>>): ImportHandle<T> {
  return {
    done: importer.call(work),
    cancel() {
      void importer.notify((api) => api.cancel());
    },
  };
}

/** Asks that what is stored be kept when space runs short; a browser that declines only keeps it less surely. */
function askToPersist(): void {
  navigator.storage?.persist?.().catch(() => undefined);
}

/** Imports files into a dataset: see `ImportApi`. One job at a time; another fails with `data/busy`. */
export function startImport(
  request: ImportRequest,
  onProgress: Listener<ImportProgress>,
): ImportHandle<ImportReport> {
  askToPersist();
  return startJob((api) => api.importImages(request, proxy(onProgress)));
}

/** Renders a dataset of synthetic radiographs: see `ImportApi`. */
export function startPhantoms(
  request: { readonly count: number; readonly size: number; readonly seed: number },
  onProgress: Listener<ImportProgress>,
): ImportHandle<DatasetRecord> {
  askToPersist();
  return startJob((api) => api.makePhantoms(request, proxy(onProgress)));
}

export function renameDataset(id: string, name: string): Promise<Outcome<void>> {
  return importer.call((api) => api.renameDataset(id, name));
}

/** Deletes a dataset and its pixels. */
export function deleteDataset(id: string): Promise<Outcome<void>> {
  return importer.call((api) => api.deleteDataset(id));
}
