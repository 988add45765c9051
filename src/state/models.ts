import { useEffect } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import { type Failure, toFailure } from "@/contracts/failure";
import type { ModelSummary } from "@/contracts/run";
import { listModels } from "@/storage/models";

export interface ModelsState {
  readonly status: "loading" | "ready" | "failed";
  /** Newest first. */
  readonly models: readonly ModelSummary[];
  readonly failure: Failure | null;
}

export const modelsStore = createStore<ModelsState>(() => ({ status: "loading", models: [], failure: null }));

/** Reads the list of trained and imported models again. */
export async function refreshModels(): Promise<void> {
  try {
    const models = (await listModels()).toSorted((a, b) => b.createdAt - a.createdAt);
    modelsStore.setState({ status: "ready", models, failure: null });
  } catch (error) {
    modelsStore.setState({ status: "failed", failure: toFailure(error) });
  }
}

/** The models stored here; read when the first screen asks and after each change made in this tab. */
export function useModels(): ModelsState {
  useEffect(() => {
    void refreshModels();
  }, []);
  return useStore(modelsStore);
}
