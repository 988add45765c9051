import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import * as evaluation from "@/bridge/evaluation";
import { type Failure, type Outcome, outcomeOf, toFailure, unwrap } from "@/contracts/failure";
import type { ModelSummary } from "@/contracts/run";
import type { DenoiseRequest, DenoiseResult } from "@/contracts/workers";
import { refreshModels } from "./models";
import { ResultCache } from "./resultCache";

export type ItemStatus = "waiting" | "running" | "done" | "failed";

/** One image of the queue. Its pixels are not here: `resultOf` has them as long as there is room. */
export interface DenoiseItem {
  readonly id: string;
  readonly name: string;
  readonly file: File;
  readonly status: ItemStatus;
  readonly tilesDone: number;
  readonly tiles: number;
  readonly failure: Failure | null;
  /** The denoised image, 16 bit. */
  readonly png: Blob | null;
  readonly figures: DenoiseFigures | null;
}

export type DenoiseFigures = Omit<DenoiseResult, "input" | "denoised" | "clean"> & {
  readonly width: number;
  readonly height: number;
};

export interface DenoiseState {
  readonly modelId: string | null;
  readonly addNoise: DenoiseRequest["addNoise"];
  readonly items: readonly DenoiseItem[];
  readonly selectedId: string | null;
  /** Stopped by hand: what waits stays until it is continued. */
  readonly halted: boolean;
}

/** Room for the pixels of the images last looked at: some twenty of 1024 × 1024. */
const RESULT_BYTES = 256_000_000;
const results = new ResultCache<DenoiseResult>(RESULT_BYTES);

export const denoiseStore = createStore<DenoiseState>(() => ({
  modelId: null,
  addNoise: null,
  items: [],
  selectedId: null,
  halted: false,
}));

let lastId = 0;
/** Counts changes of model and noise: what was begun before one is dropped. */
let generation = 0;
let working = false;

const FRESH = { status: "waiting", tilesDone: 0, tiles: 0, failure: null, png: null, figures: null } as const;

function patchItem(id: string, part: Partial<DenoiseItem>): void {
  denoiseStore.setState(({ items }) => ({
    items: items.map((item) => (item.id === id ? { ...item, ...part } : item)),
  }));
}

function bytesOf({ input, denoised, clean }: DenoiseResult): number {
  return input.data.byteLength + denoised.data.byteLength + (clean?.data.byteLength ?? 0);
}

interface Made {
  readonly result: DenoiseResult;
  readonly png: Blob;
}

async function make(item: DenoiseItem, modelId: string, mine: number): Promise<Outcome<Made>> {
  const { addNoise } = denoiseStore.getState();
  return outcomeOf(async () => {
    const result = unwrap(
      await evaluation.denoise({ modelId, file: item.file, addNoise }, ({ tilesDone, tiles }) => {
        if (mine === generation) patchItem(item.id, { tilesDone, tiles });
      }),
    );
    return { result, png: unwrap(await evaluation.encodePng16(result.denoised)) };
  });
}

function finish(item: DenoiseItem, outcome: Outcome<Made>): void {
  if (!denoiseStore.getState().items.some(({ id }) => id === item.id)) return;
  if (!outcome.ok) {
    // Stopped by hand: it waits for being continued.
    if (outcome.failure.code === "run/cancelled") patchItem(item.id, FRESH);
    else patchItem(item.id, { status: "failed", failure: outcome.failure });
    return;
  }
  const { result, png } = outcome.value;
  results.put(item.id, result, bytesOf(result));
  const { input, denoised, clean: _clean, ...figures } = result;
  patchItem(item.id, {
    status: "done",
    png,
    figures: { ...figures, width: denoised.width, height: denoised.height },
  });
  denoiseStore.setState(({ selectedId }) => ({ selectedId: selectedId ?? item.id }));
}

/** Works through the queue, one image at a time. */
async function work(): Promise<void> {
  if (working) return;
  working = true;
  for (;;) {
    const { items, modelId, halted, selectedId } = denoiseStore.getState();
    const waiting = items.filter(({ status }) => status === "waiting");
    const next = waiting.find(({ id }) => id === selectedId) ?? waiting[0];
    if (!next || modelId === null || halted) break;
    const mine = generation;
    patchItem(next.id, { status: "running" });
    const outcome = await make(next, modelId, mine);
    if (mine === generation) finish(next, outcome);
  }
  working = false;
}

/** Ends what runs without waiting for it; its late result is dropped. */
function interrupt(): void {
  generation += 1;
  evaluation.cancel().catch(() => {
    // A worker that is gone has nothing to cancel.
  });
}

/** Everything again, with the settings as they are now. */
function restart(part: Partial<DenoiseState>): void {
  const running = denoiseStore.getState().items.some(({ status }) => status === "running");
  if (running) interrupt();
  denoiseStore.setState(({ items }) => ({
    ...part,
    items: items.map((item) => {
      results.delete(item.id);
      return { ...item, ...FRESH };
    }),
  }));
  void work();
}

/** Denoises all images with another model. */
export function chooseModel(modelId: string | null): void {
  if (modelId !== denoiseStore.getState().modelId) restart({ modelId, halted: false });
}

/** Adds noise to each image first, to try a model out on clean ones; null: denoise them as they are. */
export function changeAddedNoise(addNoise: DenoiseState["addNoise"]): void {
  restart({ addNoise, halted: false });
}

/** Puts images into the queue and starts. */
export function addImages(files: readonly File[]): void {
  const added = files.map(
    (file): DenoiseItem => ({ id: `item-${++lastId}`, name: file.name, file, ...FRESH }),
  );
  denoiseStore.setState(({ items, selectedId }) => ({
    items: [...items, ...added],
    selectedId: selectedId ?? added[0]?.id ?? null,
    halted: false,
  }));
  void work();
}

/** Shows an image; one whose pixels were let go is denoised again. */
export function selectImage(id: string): void {
  denoiseStore.setState({ selectedId: id });
  results.touch(id);
  const item = denoiseStore.getState().items.find((other) => other.id === id);
  if (item?.status !== "done" || results.peek(id)) return;
  patchItem(id, { status: "waiting", tilesDone: 0, tiles: 0 });
  denoiseStore.setState({ halted: false });
  void work();
}

/** Tries a failed image once more. */
export function retryImage(id: string): void {
  patchItem(id, FRESH);
  denoiseStore.setState({ halted: false });
  void work();
}

export function removeImage(id: string): void {
  const { items, selectedId } = denoiseStore.getState();
  const at = items.findIndex((item) => item.id === id);
  if (at < 0) return;
  if (items[at]?.status === "running") interrupt();
  results.delete(id);
  const left = items.filter((item) => item.id !== id);
  denoiseStore.setState({
    items: left,
    selectedId: selectedId === id ? (left[Math.min(at, left.length - 1)]?.id ?? null) : selectedId,
  });
}

export function clearImages(): void {
  const { items } = denoiseStore.getState();
  if (items.some(({ status }) => status === "running")) interrupt();
  for (const { id } of items) results.delete(id);
  denoiseStore.setState({ items: [], selectedId: null, halted: false });
}

/** Stops after the tile at hand; finished images stay. */
export function haltDenoising(): void {
  interrupt();
  denoiseStore.setState(({ items }) => ({
    halted: true,
    items: items.map((item) => (item.status === "running" ? { ...item, ...FRESH } : item)),
  }));
}

/** Goes on with what waits. */
export function continueDenoising(): void {
  denoiseStore.setState({ halted: false });
  void work();
}

/** The pixels of a finished image, or null when they were let go. */
export function resultOf(id: string): DenoiseResult | null {
  return results.peek(id);
}

/** Stores a weight file as a model and chooses it. */
export async function importModelFile(file: File): Promise<Outcome<ModelSummary>> {
  let outcome: Outcome<ModelSummary>;
  try {
    outcome = await evaluation.importModel(file);
  } catch (error) {
    outcome = { ok: false, failure: toFailure(error) };
  }
  if (!outcome.ok) return outcome;
  await refreshModels();
  chooseModel(outcome.value.id);
  return outcome;
}

export async function renameModel(id: string, name: string): Promise<Outcome<void>> {
  const outcome = await evaluation.renameModel(id, name);
  await refreshModels();
  return outcome;
}

export async function deleteModel(id: string): Promise<Outcome<void>> {
  const outcome = await evaluation.deleteModel(id);
  await refreshModels();
  return outcome;
}

export function useDenoise(): DenoiseState {
  return useStore(denoiseStore);
}
