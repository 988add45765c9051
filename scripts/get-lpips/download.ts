import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { LabError } from "@/contracts/failure";
import type { RemoteFile } from "./sources";

/** A server that sends nothing for so long has stopped. */
const SILENCE_MS = 60_000;
const PARTIAL = 206;
const RANGE_NOT_SATISFIABLE = 416;

export interface DownloadProgress {
  readonly name: string;
  readonly bytes: number;
  /** Null where the server does not say. */
  readonly total: number | null;
}

/**
 * The bytes of a file, once its SHA-256 is right. It grows as `NAME.part` in `folder`, where a download that was cut off
 * goes on the next time; the caller deletes it with `discard`. Failures: `weights/download` (no connection, another status
 * than success, cut off: the part stays) and `weights/hash` (other content: the part is deleted).
 */
export async function download(
  file: RemoteFile,
  folder: string,
  onProgress: (progress: DownloadProgress) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  await mkdir(folder, { recursive: true });
  const part = partOf(file, folder);
  await receive(file, part, onProgress);
  const bytes = new Uint8Array(await readFile(part));
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found === file.sha256) return bytes;
  await rm(part);
  throw new LabError(
    "weights/hash",
    `${file.name} has SHA-256 ${found.slice(0, 16)}…, not ${file.sha256.slice(0, 16)}…; the ${bytes.length} bytes were deleted.`,
    "Run the command again; if it stays so, something on the way changes the file, or its home has replaced it.",
  );
}

/** Deletes what `download` keeps of a file. */
export async function discard(file: RemoteFile, folder: string): Promise<void> {
  await rm(partOf(file, folder), { force: true });
}

const partOf = (file: RemoteFile, folder: string): string => join(folder, `${file.name}.part`);
const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

function failed(file: RemoteFile, what: string, cause?: unknown): LabError {
  return new LabError(
    "weights/download",
    `${file.url} could not be downloaded: ${what}.`,
    "Run the command again: it goes on where it stopped. Or download the file with a browser, and load it on the Runs screen as it is.",
    { cause },
  );
}

/** What lies under an error of `fetch`, which itself only says that it failed. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message.replace(/\.$/, "") : String(cause);
}

async function receive(
  file: RemoteFile,
  part: string,
  onProgress: (progress: DownloadProgress) => void,
): Promise<void> {
  const silence = new AbortController();
  let timer = setTimeout(() => undefined, 0);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(
      () => silence.abort(new Error(`nothing came for ${SILENCE_MS / 1000} seconds`)),
      SILENCE_MS,
    );
  };
  heard();
  try {
    const have = sizeOf(part);
    const response = await fetch(file.url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: silence.signal,
    });
    // All of it is here already, or more than all: its hash tells.
    if (have > 0 && response.status === RANGE_NOT_SATISFIABLE) return;
    if (!response.ok || !response.body)
      throw failed(file, `the server answered ${response.status} ${response.statusText}`.trim());
    const goesOn = have > 0 && response.status === PARTIAL && startOf(response) === have;
    const first = goesOn ? have : 0;
    const length = response.headers.get("content-length");
    const total = length === null ? null : first + Number(length);
    const out = await open(part, goesOn ? "a" : "w");
    let bytes = first;
    try {
      for await (const chunk of response.body) {
        heard();
        await out.write(chunk);
        bytes += chunk.length;
        onProgress({ name: file.name, bytes, total });
      }
    } finally {
      await out.close();
    }
    if (total !== null && bytes < total) throw failed(file, `it ended after ${bytes} of ${total} bytes`);
  } catch (error) {
    throw error instanceof LabError ? error : failed(file, reasonOf(error), error);
  } finally {
    clearTimeout(timer);
  }
}

/** First byte of a partial answer: `Content-Range: bytes 100-199/200`. */
function startOf(response: Response): number | null {
  const [, start] = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "") ?? [];
  return start === undefined ? null : Number(start);
}
