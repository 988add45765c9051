/**
 * Maps an async source with up to `width` items under way and gives the results in the order of the source: whichever is
 * done first, the outcome is the same. `work` must not reject. Holds at most `width` results: a slow consumer slows the
 * source.
 */
export async function* mapOrdered<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  width: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = [];
  for await (const item of source) {
    pending.push(work(item));
    const first = pending.length >= width ? pending.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const rest of pending) yield await rest;
}
