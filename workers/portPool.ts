import { type Failure, type Outcome, outcomeOf } from "@/contracts/failure";

interface Request<Task> {
  readonly id: number;
  readonly task: Task;
}

interface Reply<Result> {
  readonly id: number;
  readonly outcome: Outcome<Result>;
}

interface Helper {
  readonly port: MessagePort;
  tasks: number;
}

/** Shares tasks out among workers, each behind a port that `servePort` answers; the one with the fewest gets the next. */
export class PortPool<Task, Result> {
  readonly #helpers: readonly Helper[];
  readonly #waiting = new Map<number, (outcome: Outcome<Result>) => void>();
  readonly #nobody: Failure;
  #nextId = 0;

  /** `nobody`: the failure of a task when there are no workers. */
  constructor(ports: readonly MessagePort[], nobody: Failure) {
    this.#nobody = nobody;
    this.#helpers = ports.map((port) => ({ port, tasks: 0 }));
    for (const helper of this.#helpers)
      helper.port.onmessage = ({ data }: MessageEvent<Reply<Result>>) => {
        helper.tasks--;
        this.#waiting.get(data.id)?.(data.outcome);
        this.#waiting.delete(data.id);
      };
  }

  get workers(): number {
    return this.#helpers.length;
  }

  /** What is transferred is empty here afterwards. Never rejects. */
  run(task: Task, transfer: Transferable[] = []): Promise<Outcome<Result>> {
    const idlest = this.#helpers.reduce<Helper | null>(
      (best, helper) => (best && best.tasks <= helper.tasks ? best : helper),
      null,
    );
    if (!idlest) return Promise.resolve({ ok: false, failure: this.#nobody });
    const id = this.#nextId++;
    idlest.tasks++;
    const request: Request<Task> = { id, task };
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      idlest.port.postMessage(request, transfer);
    });
  }
}

/** The other end of a pool's port: does each task and hands `transferOf` its result over instead of copying it. */
export function servePort<Task, Result>(
  port: MessagePort,
  work: (task: Task) => Result | Promise<Result>,
  transferOf: (result: Result) => Transferable[],
): void {
  port.onmessage = async ({ data: { id, task } }: MessageEvent<Request<Task>>): Promise<void> => {
    const outcome = await outcomeOf(() => work(task));
    const reply: Reply<Result> = { id, outcome };
    port.postMessage(reply, outcome.ok ? transferOf(outcome.value) : []);
  };
}
