import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";

export interface StorageInfo {
  /** Bytes this site uses and may use, as the browser estimates them; null where it does not tell. */
  readonly usageBytes: number | null;
  readonly quotaBytes: number | null;
  /** True when the browser promised not to clear it under pressure. */
  readonly persisted: boolean;
  /** Set after the browser said no to `keepStorage`. */
  readonly refused: boolean;
}

const storageStore = createStore<StorageInfo>(() => ({
  usageBytes: null,
  quotaBytes: null,
  persisted: false,
  refused: false,
}));

/** Asks the browser again how much is used. */
export async function refreshStorage(): Promise<void> {
  if (!("storage" in navigator)) return;
  const [estimate, persisted] = await Promise.all([
    navigator.storage.estimate(),
    navigator.storage.persisted(),
  ]);
  storageStore.setState({
    usageBytes: estimate.usage ?? null,
    quotaBytes: estimate.quota ?? null,
    persisted,
  });
}

/** Asks the browser to keep what is stored even when the disk runs low. */
export async function keepStorage(): Promise<void> {
  if (!("storage" in navigator)) return;
  const persisted = await navigator.storage.persist();
  storageStore.setState({ persisted, refused: !persisted });
}

export function useStorageInfo(): StorageInfo {
  return useStore(storageStore);
}
