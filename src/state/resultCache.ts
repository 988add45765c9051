/**
 * Keeps the most recently used values within a budget of bytes. The newest value stays even when it is larger than the
 * whole budget: it is the one that somebody looks at.
 */
export class ResultCache<Value> {
  private readonly entries = new Map<string, { readonly value: Value; readonly bytes: number }>();
  private readonly budgetBytes: number;
  private usedBytes = 0;

  constructor(budgetBytes: number) {
    this.budgetBytes = budgetBytes;
  }

  /** Adds or replaces a value; returns the keys that were let go for it. */
  put(key: string, value: Value, bytes: number): string[] {
    this.delete(key);
    this.entries.set(key, { value, bytes });
    this.usedBytes += bytes;
    const dropped: string[] = [];
    for (const oldest of this.entries.keys()) {
      if (this.usedBytes <= this.budgetBytes || oldest === key) break;
      this.delete(oldest);
      dropped.push(oldest);
    }
    return dropped;
  }

  /** The value without counting as use. */
  peek(key: string): Value | null {
    return this.entries.get(key)?.value ?? null;
  }

  /** Makes it the most recently used. */
  touch(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.entries.set(key, entry);
  }

  delete(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.usedBytes -= entry.bytes;
    this.entries.delete(key);
  }
}
