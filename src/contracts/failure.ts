/**
 * A failure is data: it crosses threads and files unchanged. `message` is one sentence with the numbers, `remedy` one
 * sentence that says what to do. Worker methods return `Outcome`, because comlink drops the code of a thrown error.
 */
export interface Failure {
  /** `area/what`, e.g. `shape/size`, `data/empty`, `storage/quota`, `engine/device-lost`, `training/nan-loss`. */
  readonly code: FailureCode;
  readonly message: string;
  readonly remedy: string;
}

export type FailureCode =
  `${"config" | "data" | "decode" | "shape" | "weights" | "storage" | "engine" | "training" | "run" | "bench" | "internal"}/${string}`;

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

/** Thrown inside one thread; turned into a `Failure` at its border. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly failure: Failure;
  constructor(code: FailureCode, message: string, remedy: string, options?: ErrorOptions) {
    super(`${code}: ${message} ${remedy}`, options);
    this.failure = { code, message, remedy };
  }
}

/** Any thrown value as a failure; an unknown error keeps its own words under `internal/unexpected`. */
export function toFailure(error: unknown): Failure {
  if (error instanceof LabError) return error.failure;
  const text = error instanceof Error ? error.message || error.name : String(error);
  if (error instanceof DOMException && error.name === "QuotaExceededError")
    return {
      code: "storage/quota",
      message: "The browser's storage for this site is full.",
      remedy: "Delete a dataset or run, or free disk space, and try again.",
    };
  return {
    code: "internal/unexpected",
    message: text.endsWith(".") ? text : `${text}.`,
    remedy: "Reload the page; what was stored is kept.",
  };
}

/** Runs `work` and returns its value or its failure: the one way results leave a worker. */
export async function outcomeOf<T>(work: () => Promise<T> | T): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, failure: toFailure(error) };
  }
}

/** The value, or throws the failure as `LabError` on this side of the border. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new LabError(outcome.failure.code, outcome.failure.message, outcome.failure.remedy);
}
