/** How a promise ended, as a value. */
export type Settled<T> = { readonly value: T } | { readonly error: unknown };

/** Holds a rejection until someone asks, so that work that fails in the background is no unhandled rejection. */
export function settled<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

/** The value, or throws the error. */
export function taken<T>(result: Settled<T>): T {
  if ("error" in result) throw result.error;
  return result.value;
}
