import type { Outcome } from "@/contracts/failure";

/** Work for a decode worker; both kinds give [size, size] grey bytes. */
export type DecodeTask =
  | {
      readonly kind: "file";
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly path: string;
      readonly size: number;
    }
  | { readonly kind: "phantom"; readonly size: number; readonly seed: number; readonly index: number };

export interface DecodeRequest {
  readonly id: number;
  readonly task: DecodeTask;
}

export interface DecodeReply {
  readonly id: number;
  readonly outcome: Outcome<Uint8Array<ArrayBuffer>>;
}

/** Makes the pixels of images somewhere; never rejects. */
export interface ImageMaker {
  /** How many tasks to keep under way: fewer leave a core idle, more only hold memory. */
  readonly tasksInFlight: number;
  /** A file's bytes are handed over: they are empty here afterwards. */
  make(task: DecodeTask): Promise<Outcome<Uint8Array<ArrayBuffer>>>;
}

/** One in work and one waiting for each worker, so that none waits for its next file. */
const TASKS_PER_WORKER = 2;

interface Decoder {
  readonly port: MessagePort;
  tasks: number;
}

/** Shares tasks out among decode workers, each behind a port; bytes and pixels are transferred, not copied. */
export class DecodePool implements ImageMaker {
  readonly tasksInFlight: number;
  private readonly decoders: readonly Decoder[];
  private readonly waiting = new Map<number, (outcome: Outcome<Uint8Array<ArrayBuffer>>) => void>();
  private nextId = 0;

  constructor(ports: readonly MessagePort[]) {
    this.tasksInFlight = Math.max(1, ports.length * TASKS_PER_WORKER);
    this.decoders = ports.map((port) => ({ port, tasks: 0 }));
    for (const decoder of this.decoders)
      decoder.port.onmessage = ({ data }: MessageEvent<DecodeReply>) => {
        decoder.tasks--;
        this.waiting.get(data.id)?.(data.outcome);
        this.waiting.delete(data.id);
      };
  }

  make(task: DecodeTask): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
    const idlest = this.decoders.reduce<Decoder | null>(
      (best, decoder) => (best && best.tasks <= decoder.tasks ? best : decoder),
      null,
    );
    if (!idlest)
      return Promise.resolve({
        ok: false,
        failure: {
          code: "internal/no-decoder",
          message: "No decode worker is running.",
          remedy: "Reload the page and import again.",
        },
      });
    const id = this.nextId++;
    idlest.tasks++;
    const request: DecodeRequest = { id, task };
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      idlest.port.postMessage(request, task.kind === "file" ? [task.bytes.buffer] : []);
    });
  }
}
