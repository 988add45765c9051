import type { Executor } from "@/engine/executor";

export interface ExecutorCacheOptions {
  readonly create: (modelId: string, height: number, width: number) => Promise<Executor>;
  /** Which weights the model has now: another text means others, and executors with the old ones are freed. */
  readonly version: (modelId: string) => Promise<string>;
  /** Executors kept at most; the one used longest ago goes first. */
  readonly limit: number;
  /** All are freed after this long without use. */
  readonly idleMs: number;
}

interface Kept {
  readonly modelId: string;
  readonly version: string;
  readonly executor: Executor;
}

/**
 * Executors of models at image shapes, made when asked for and kept for the next call. Calls queue: an executor's calls
 * must not overlap, and two at once would only share the same device.
 */
export class ExecutorCache {
  private readonly options: ExecutorCacheOptions;
  /** By model and shape, the one used last at the end. */
  private readonly kept = new Map<string, Kept>();
  private queue: Promise<unknown> = Promise.resolve();
  private idleTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: ExecutorCacheOptions) {
    this.options = options;
  }

  /** Runs `work` with the executor of this model and shape, after the calls before it. */
  use<T>(
    modelId: string,
    height: number,
    width: number,
    work: (executor: Executor) => Promise<T>,
  ): Promise<T> {
    return this.inTurn(async () => {
      const version = await this.options.version(modelId);
      await this.freeWhere((entry) => entry.modelId === modelId && entry.version !== version);
      const key = `${modelId} ${height} ${width}`;
      const executor = this.kept.get(key)?.executor ?? (await this.create(key, modelId, height, width));
      const entry = { modelId, version, executor };
      this.kept.delete(key);
      this.kept.set(key, entry);
      try {
        return await work(executor);
      } catch (error) {
        // After a failure (a lost device, memory) the executor cannot be trusted; the next call makes another.
        this.kept.delete(key);
        await executor.dispose();
        throw error;
      }
    });
  }

  /** Frees the executors of one model (it was deleted), or all. */
  free(modelId?: string): Promise<void> {
    return this.inTurn(() => this.freeWhere((entry) => modelId === undefined || entry.modelId === modelId));
  }

  private async create(key: string, modelId: string, height: number, width: number): Promise<Executor> {
    // Room first: two large networks side by side may not fit.
    const surplus = [...this.kept.keys()].slice(0, Math.max(0, this.kept.size - this.options.limit + 1));
    await this.freeWhere((_, other) => surplus.includes(other) && other !== key);
    return this.options.create(modelId, height, width);
  }

  private async freeWhere(matches: (entry: Kept, key: string) => boolean): Promise<void> {
    for (const [key, entry] of [...this.kept])
      if (matches(entry, key)) {
        this.kept.delete(key);
        await entry.executor.dispose();
      }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.idleTimer !== null) clearTimeout(this.idleTimer);
    this.idleTimer = null;
    const result = this.queue.then(work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.queue = settled;
    void settled.then(() => {
      if (this.queue === settled && this.kept.size > 0)
        this.idleTimer = setTimeout(() => void this.free(), this.options.idleMs);
    });
    return result;
  }
}
