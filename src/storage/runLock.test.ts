import { afterEach, describe, expect, it, vi } from "vitest";
import { withRunLock, workedOnNow } from "./runLock";

/** Web Locks in miniature: exclusive, with a queue that a signal leaves. */
function lockManager() {
  const held = new Map<string, Promise<unknown>>();
  return {
    async request(name: string, { signal }: { signal: AbortSignal }, work: () => Promise<unknown>) {
      for (;;) {
        const holder = held.get(name);
        if (!holder) break;
        const aborted = new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
        await Promise.race([holder.catch(() => undefined), aborted]);
      }
      const working = work();
      held.set(name, working);
      try {
        return await working;
      } finally {
        held.delete(name);
      }
    },
    query: async () => ({ held: [...held.keys()].map((name) => ({ name })), pending: [] }),
  };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("withRunLock", () => {
  it("refuses a second holder, and lets it in when the first has gone", async () => {
    vi.stubGlobal("navigator", { locks: lockManager() });
    let release = (): void => undefined;
    const first = withRunLock("a", () => new Promise<void>((resolve) => (release = resolve)));
    expect((await workedOnNow())("a")).toBe(true);
    expect((await workedOnNow())("b")).toBe(false);
    await expect(withRunLock("a", async () => 2)).rejects.toMatchObject({ failure: { code: "run/busy" } });
    expect(await withRunLock("b", async () => 3)).toBe(3);
    const third = withRunLock("a", async () => 4);
    release();
    await first;
    expect(await third).toBe(4);
    expect((await workedOnNow())("a")).toBe(false);
  });

  it("passes on what the work throws", async () => {
    vi.stubGlobal("navigator", { locks: lockManager() });
    await expect(withRunLock("a", () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
  });

  it("works unguarded where there are no locks", async () => {
    vi.stubGlobal("navigator", undefined);
    expect(await withRunLock("a", async () => 1)).toBe(1);
    expect((await workedOnNow())("a")).toBe(false);
  });
});
