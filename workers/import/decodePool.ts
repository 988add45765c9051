import type { Failure, Outcome } from "@/contracts/failure";
import { PortPool } from "../portPool";

/** Work for a decode worker; both kinds give [size, size] grey bytes. */
export type DecodeTask =
  | {
      readonly kind: "file";
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly path: string;
      readonly size: number;
    }
  | { readonly kind: "phantom"; readonly size: number; readonly seed: number; readonly index: number };

/** Makes the pixels of images somewhere; never rejects. */
export interface ImageMaker {
  /** How many tasks to keep under way: fewer leave a core idle, more only hold memory. */
  readonly tasksInFlight: number;
  /** A file's bytes are handed over: they are empty here afterwards. */
  make(task: DecodeTask): Promise<Outcome<Uint8Array<ArrayBuffer>>>;
}

/** One in work and one waiting for each worker, so that none waits for its next file. */
const TASKS_PER_WORKER = 2;

const NO_DECODER: Failure = {
  code: "internal/no-decoder",
  message: "No decode worker is running.",
  remedy: "Reload the page and import again.",
};

/** Shares tasks out among decode workers, each behind a port; bytes and pixels are transferred, not copied. */
export class DecodePool implements ImageMaker {
  readonly tasksInFlight: number;
  readonly #pool: PortPool<DecodeTask, Uint8Array<ArrayBuffer>>;

  constructor(ports: readonly MessagePort[]) {
    this.tasksInFlight = Math.max(1, ports.length * TASKS_PER_WORKER);
    this.#pool = new PortPool(ports, NO_DECODER);
  }

  make(task: DecodeTask): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
    return this.#pool.run(task, task.kind === "file" ? [task.bytes.buffer] : []);
  }
}
