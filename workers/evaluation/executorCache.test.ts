import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Executor } from "@/engine/executor";
import { ExecutorCache } from "./executorCache";

const IDLE_MS = 30_000;
let log: string[] = [];
let version = "1";

/** Only what the cache touches. */
const fakeExecutor = (name: string): Executor =>
  ({
    dispose: () => {
      log.push(`free ${name}`);
      return Promise.resolve();
    },
  }) as unknown as Executor;

const cache = () =>
  new ExecutorCache({
    limit: 2,
    idleMs: IDLE_MS,
    create: (modelId, height, width) => {
      log.push(`make ${modelId} ${height}×${width}`);
      return Promise.resolve(fakeExecutor(`${modelId} ${height}×${width}`));
    },
    version: () => Promise.resolve(version),
  });

beforeEach(() => {
  log = [];
  version = "1";
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("ExecutorCache", () => {
  it("keeps two, reuses them and lets the one used longest ago go", async () => {
    const executors = cache();
    const use = (model: string, size: number) => executors.use(model, size, size, () => Promise.resolve());
    await use("a", 16);
    await use("a", 32);
    await use("a", 16);
    await use("b", 16);
    expect(log).toEqual(["make a 16×16", "make a 32×32", "free a 32×32", "make b 16×16"]);
  });

  it("runs one call at a time, in order", async () => {
    const executors = cache();
    const order: string[] = [];
    const slow = executors.use("a", 16, 16, async () => {
      order.push("first begins");
      await new Promise((resolve) => setTimeout(resolve, 50));
      order.push("first ends");
    });
    const quick = executors.use("a", 16, 16, () => {
      order.push("second");
      return Promise.resolve();
    });
    await vi.advanceTimersByTimeAsync(60);
    await Promise.all([slow, quick]);
    expect(order).toEqual(["first begins", "first ends", "second"]);
  });

  it("frees all when idle, but not before", async () => {
    const executors = cache();
    await executors.use("a", 16, 16, () => Promise.resolve());
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1000);
    await executors.use("a", 16, 16, () => Promise.resolve());
    await vi.advanceTimersByTimeAsync(IDLE_MS - 1000);
    expect(log).toEqual(["make a 16×16"]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(log).toEqual(["make a 16×16", "free a 16×16"]);
  });

  it("makes another executor when the model's weights were replaced, and frees those with the old ones", async () => {
    const executors = cache();
    const use = (model: string, size: number) => executors.use(model, size, size, () => Promise.resolve());
    await use("a", 16);
    await use("a", 32);
    version = "2";
    await use("a", 16);
    await use("a", 16);
    expect(log).toEqual(["make a 16×16", "make a 32×32", "free a 16×16", "free a 32×32", "make a 16×16"]);
  });

  it("drops an executor that failed and those of a deleted model", async () => {
    const executors = cache();
    const failing = executors.use("a", 16, 16, () => Promise.reject(new Error("device lost")));
    await expect(failing).rejects.toThrow("device lost");
    await executors.use("b", 16, 16, () => Promise.resolve());
    await executors.free("c");
    await executors.free("b");
    expect(log).toEqual(["make a 16×16", "free a 16×16", "make b 16×16", "free b 16×16"]);
  });
});
