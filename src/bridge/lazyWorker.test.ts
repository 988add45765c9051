import { expose } from "comlink";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Outcome } from "@/contracts/failure";
import { LazyWorker } from "./lazyWorker";

interface Api {
  double(value: number): Promise<Outcome<number>>;
  hang(): Promise<Outcome<number>>;
  note(): Promise<void>;
}

const started: FakeWorker[] = [];

/** A worker on this thread: the API answers at the other end of a message channel. */
class FakeWorker extends EventTarget {
  ended = false;
  noted = 0;
  private readonly channel = new MessageChannel();

  constructor() {
    super();
    started.push(this);
    const api: Api = {
      double: (value) => Promise.resolve({ ok: true, value: 2 * value }),
      hang: () => new Promise(() => {}),
      note: () => {
        this.noted++;
        return Promise.resolve();
      },
    };
    expose(api, this.channel.port2);
    this.channel.port1.onmessage = ({ data }) =>
      this.dispatchEvent(Object.assign(new Event("message"), { data: data as unknown }));
  }
  postMessage(message: unknown, transfer: Transferable[]): void {
    this.channel.port1.postMessage(message, transfer);
  }
  terminate(): void {
    this.ended = true;
    this.channel.port1.close();
    this.channel.port2.close();
  }
}

const lazy = (idleMs: number) =>
  new LazyWorker<Api>({ name: "test", idleMs, start: () => new FakeWorker() as unknown as Worker });

afterEach(() => {
  for (const worker of started) worker.terminate();
  started.length = 0;
});

describe("LazyWorker", () => {
  it("starts at the first call, once", async () => {
    const worker = lazy(60_000);
    await worker.notify((api) => api.note());
    expect(started).toHaveLength(0);
    expect(await worker.call((api) => api.double(4))).toEqual({ ok: true, value: 8 });
    expect(await worker.call((api) => api.double(5))).toEqual({ ok: true, value: 10 });
    await worker.notify((api) => api.note());
    expect(started.map(({ noted }) => noted)).toEqual([1]);
    worker.end();
  });

  it("turns a crash into a failure of the calls in progress and restarts at the next", async () => {
    const worker = lazy(60_000);
    const hanging = worker.call((api) => api.hang());
    await vi.waitFor(() => expect(started).toHaveLength(1));
    started[0]?.dispatchEvent(Object.assign(new Event("error"), { message: "out of memory" }));
    const outcome = await hanging;
    expect(outcome).toMatchObject({ ok: false, failure: { code: "internal/worker-crashed" } });
    expect(outcome.ok ? "" : outcome.failure.message).toContain("out of memory");
    expect(started[0]?.ended).toBe(true);
    expect(await worker.call((api) => api.double(1))).toEqual({ ok: true, value: 2 });
    expect(started).toHaveLength(2);
    worker.end();
  });

  it("ends when idle, but not during a call", async () => {
    const worker = lazy(20);
    await worker.call((api) => api.double(1));
    const hanging = worker.call((api) => api.hang());
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(started.map(({ ended }) => ended)).toEqual([false]);
    started[0]?.dispatchEvent(new Event("error"));
    await hanging;
    await worker.call((api) => api.double(1));
    await vi.waitFor(() => expect(started.map(({ ended }) => ended)).toEqual([true, true]));
  });

  it("ends helpers with the worker, and the worker with a helper that crashes", async () => {
    const worker = new LazyWorker<Api>({
      name: "test",
      idleMs: 60_000,
      start: () => new FakeWorker() as unknown as Worker,
      startHelpers: () => [new FakeWorker() as unknown as Worker],
    });
    const hanging = worker.call((api) => api.hang());
    started[1]?.dispatchEvent(new Event("error"));
    expect(await hanging).toMatchObject({ ok: false, failure: { code: "internal/worker-crashed" } });
    expect(started.map(({ ended }) => ended)).toEqual([true, true]);
    await worker.call((api) => api.double(1));
    worker.end();
    expect(started.map(({ ended }) => ended)).toEqual([true, true, true, true]);
  });
});
