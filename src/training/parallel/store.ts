import { LabError } from "@/contracts/failure";
import { roundedUp } from "./buckets";
import { FLOATS_AT_ONCE } from "./kernels/halves";
import type { Payload } from "./messages";

const PAGE_BYTES = 2 ** 16;
const LARGEST_PAGES = 2 ** 16;
/** Regions of different threads share no cache line. */
const LINE_FLOATS = 32;
/** Floats of the pieces that buckets are halved and taken out of messages in: they stay in a core's cache. */
export const BLOCK_FLOATS = 2 ** 14;

/** A run that loses replicas in the middle of a sum more often uses the last place again. */
const MOVES = 8;

/** Byte offsets in the memory where gradients are averaged. */
export interface StoreLayout {
  /** A replica's flat gradients as float32. */
  gradients(slot: number): number;
  /** The same as halves; their payload's replicas have them, at the offsets of the buckets. */
  halves(slot: number): number;
  readonly mean: number;
  readonly meanBytes: number;
  /** Room for a block of each part that was sent. */
  block(index: number): number;
  readonly bytes: number;
}

/** `slots` replicas' gradients, one mean, and room for `blocks` blocks. */
export function storeLayout(floats: number, payload: Payload, slots: number, blocks = 0): StoreLayout {
  const padded = roundedUp(roundedUp(floats, FLOATS_AT_ONCE), LINE_FLOATS);
  const meanBytes = 4 * padded;
  const halves = slots * 4 * padded;
  const mean = halves + (payload === "f16" ? slots * 2 * padded : 0);
  const firstBlock = mean + meanBytes;
  return {
    gradients: (slot) => slot * 4 * padded,
    halves: (slot) => halves + slot * 2 * padded,
    mean,
    meanBytes,
    block: (index) => firstBlock + index * 4 * BLOCK_FLOATS,
    bytes: firstBlock + blocks * 4 * BLOCK_FLOATS,
  };
}

const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES);

/** Memory that all replicas see, with addresses to move the mean to; null where there is not as much. */
export function sharedStore(floats: number, payload: Payload, replicas: number): WebAssembly.Memory | null {
  const { bytes, meanBytes } = storeLayout(floats, payload, replicas);
  const initial = pagesOf(bytes);
  if (initial > LARGEST_PAGES) return null;
  const maximum = Math.min(LARGEST_PAGES, initial + MOVES * pagesOf(meanBytes));
  try {
    return new WebAssembly.Memory({ initial, maximum, shared: true });
  } catch {
    return null;
  }
}

/** One replica's own memory. Throws `engine/out-of-memory`. */
export function ownStore(floats: number, payload: Payload, replicas: number): WebAssembly.Memory {
  const { bytes } = storeLayout(floats, payload, 1, replicas - 1);
  try {
    return new WebAssembly.Memory({ initial: pagesOf(bytes) });
  } catch {
    throw new LabError(
      "engine/out-of-memory",
      `A replica found no ${Math.ceil(bytes / 2 ** 20)} MiB of memory for its gradients.`,
      "Close other tabs, or train with fewer replicas or a smaller width.",
    );
  }
}

/** Room for the means at the end of shared memory, made anew: its first byte; null where there is none. */
export function movedMean(memory: WebAssembly.Memory, floats: number, payload: Payload): number | null {
  try {
    return memory.grow(pagesOf(storeLayout(floats, payload, 1).meanBytes)) * PAGE_BYTES;
  } catch {
    return null;
  }
}
