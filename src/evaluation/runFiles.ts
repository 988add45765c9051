import type { StateDict, Tensor } from "@/contracts/tensors";
import type { RunResult } from "@/contracts/training";
import { encodePng16 } from "@/imaging/encodePng";
import { encodeNpy } from "@/imaging/npy";
import { writeSafetensors } from "@/model/safetensors";
import { epochsCsv, FURTHER_FILE, furtherMetricsCsv, perImageCsv, stepsCsv, testImagesCsv } from "./csv";
import { filmFiles } from "./filmFiles";
import { reportMarkdown } from "./report";
import { resultJson } from "./resultJson";
import type { RunTrace, StoredRun } from "./storedRun";

/** One file of an export; `path` is relative to the result folder. */
export interface RunFile {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A test image as it was, with its noise, and as the network gives it back (not clamped); each [size, size]. */
export interface ExportedImage {
  readonly clean: Float32Array<ArrayBuffer>;
  readonly noisy: Float32Array<ArrayBuffer>;
  readonly denoised: Float32Array<ArrayBuffer>;
}

export interface RunFilesRequest {
  readonly stored: StoredRun;
  /** The run's own result, or `partialResult`. */
  readonly result: RunResult;
  /** Content hash → file name, where known. */
  readonly paths: ReadonlyMap<string, string>;
  /** The test images to write, in the order of `per-image.csv`. */
  readonly images: AsyncIterable<ExportedImage> | Iterable<ExportedImage>;
  /** Sentences for the end of the report. */
  readonly notes: readonly string[];
}

const encodeText = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** The files of the headless contract, one at a time, so that only one is in memory. */
export async function* runFiles(request: RunFilesRequest): AsyncGenerator<RunFile> {
  const { stored, result, paths } = request;
  const { run, curve, weights, trace, film } = stored;
  const perImage = run.perImage ?? [];
  yield { path: "result.json", bytes: encodeText(resultJson(run, result)) };
  yield { path: "report.md", bytes: encodeText(reportMarkdown(run, result, perImage, request.notes)) };
  yield { path: "epochs.csv", bytes: encodeText(epochsCsv(run.epochs)) };
  yield { path: "steps.csv", bytes: encodeText(stepsCsv(curve.losses, curve.stepMs)) };
  yield { path: "per-image.csv", bytes: encodeText(perImageCsv(perImage, paths)) };
  const further = furtherMetricsCsv(perImage, paths);
  if (further !== null) yield { path: FURTHER_FILE, bytes: encodeText(further) };
  yield { path: "test-images.csv", bytes: encodeText(testImagesCsv(perImage)) };
  const metadata = (kind: string): Record<string, string> => ({
    format: "pt",
    weights: kind,
    run: run.name,
    config: JSON.stringify(run.config),
  });
  if (weights.best)
    yield { path: "model.safetensors", bytes: writeSafetensors(weights.best, metadata("best")) };
  if (weights.last)
    yield { path: "last.safetensors", bytes: writeSafetensors(weights.last, metadata("last")) };
  if (trace) yield* traceFiles(trace, run.config.data.size);
  if (film) yield* filmFiles(film);
  let number = 0;
  for await (const image of request.images)
    yield* imageFiles(String(number++).padStart(3, "0"), image, run.config.data.size);
}

function* imageFiles(number: string, image: ExportedImage, size: number): Generator<RunFile> {
  for (const kind of ["clean", "noisy", "denoised"] as const) {
    yield { path: `images/${number}_${kind}.png`, bytes: encodePng16(size, size, image[kind]) };
    yield { path: `arrays/${number}_${kind}.npy`, bytes: encodeNpy(image[kind], [size, size]) };
  }
}

function* traceFiles(trace: RunTrace, size: number): Generator<RunFile> {
  yield { path: "trace/initial.safetensors", bytes: writeSafetensors(trace.initial) };
  yield { path: "trace/gradients.safetensors", bytes: writeSafetensors(trace.gradients) };
  yield { path: "trace/losses.json", bytes: encodeText(`${JSON.stringify(trace.losses)}\n`) };
  yield { path: "trace/batches.safetensors", bytes: writeSafetensors(batchTensors(trace, size)) };
  if (trace.final) yield { path: "trace/final.safetensors", bytes: writeSafetensors(trace.final) };
}

/**
 * `noisy` and `clean` [K, N, 1, H, W], or [K, replicas, N, 1, H, W] of several replicas. The last batch of an epoch may be
 * smaller: it is then filled up with zeros, and `images` [K] or [K, replicas] says how many of each batch are real. Without
 * a smaller batch there is no `images`.
 */
export function batchTensors(trace: Pick<RunTrace, "batches">, size: number): StateDict {
  const { batches } = trace;
  const counts = batches.map(({ images, replicas }) => replicas ?? [images]);
  const replicas = Math.max(1, ...counts.map(({ length }) => length));
  const largest = Math.max(0, ...counts.flat());
  const lead = batches.some((batch) => batch.replicas) ? [batches.length, replicas] : [batches.length];
  const stack = (key: "noisy" | "clean"): Tensor => {
    const area = size * size;
    const data = new Float32Array(batches.length * replicas * largest * area);
    batches.forEach((batch, step) => {
      let first = 0;
      for (const [replica, count] of (counts[step] ?? []).entries()) {
        const place = (step * replicas + replica) * largest;
        data.set(batch[key].subarray(first * area, (first + count) * area), place * area);
        first += count;
      }
    });
    return { shape: [...lead, largest, 1, size, size], data };
  };
  const tensors: StateDict = new Map([
    ["noisy", stack("noisy")],
    ["clean", stack("clean")],
  ]);
  if (counts.flat().some((count) => count !== largest))
    tensors.set("images", { shape: lead, data: Float32Array.from(counts.flat()) });
  return tensors;
}
