import type { Kernel } from "./kernels/kernel";
import { bufferBytes } from "./memory";

/** Buffers that live as long as the executor. */
export type PermanentName =
  | "parameters"
  | "gradients"
  | "firstMoments"
  | "secondMoments"
  | "norms"
  | "running"
  | "statistics"
  | "loss"
  | "overflow"
  | "scaling"
  | "adamStep";

/** What a kernel is bound to: a planned tensor, or a range of a permanent buffer. */
export type BindingTarget =
  | {
      readonly kind: "tensor";
      readonly tensor: number;
      /** A part of it; absent: all. */
      readonly range?: { readonly offset: number; readonly bytes: number };
    }
  | {
      readonly kind: "permanent";
      readonly name: PermanentName;
      readonly offset: number;
      readonly bytes: number;
    };

export interface PlannedDispatch {
  /** Stage and direction: `conv1.0 forward`. */
  readonly label: string;
  readonly kernel: Kernel;
  readonly bindings: readonly BindingTarget[];
  /** What the kernel's prelude read: callers' binding where the kernel has `packed`. */
  readonly weights?: BindingTarget;
}

export interface PlannedTensor {
  readonly label: string;
  readonly bytes: number;
  /** Dispatches from first to last that use it; −1 where it is uploaded before, the number of dispatches where it is read after. */
  readonly first: number;
  readonly last: number;
  /** The buffer that it shares with tensors of other times. */
  readonly slot: number;
}

export interface Plan {
  readonly dispatches: readonly PlannedDispatch[];
  /** Dispatches before which it can be stopped; absent: it runs through. */
  readonly stops?: readonly number[];
  readonly tensors: readonly PlannedTensor[];
  /** Bytes of each slot, as large as its buffer is made. */
  readonly slots: readonly number[];
  /** Their sum: what the plan holds of the device beside the permanent buffers. */
  readonly slotBytes: number;
  readonly flops: number;
  /** Least traffic of all dispatches. */
  readonly bytesMoved: number;
}

interface Draft {
  readonly label: string;
  readonly bytes: number;
  first: number;
  last: number;
}

/** Collects dispatches and tensors; lifetimes follow from who uses what. */
export class PlanBuilder {
  private readonly dispatches: PlannedDispatch[] = [];
  private readonly tensors: Draft[] = [];

  get dispatchCount(): number {
    return this.dispatches.length;
  }

  /** A tensor of `bytes`; `uploaded` ones are filled before the first dispatch. */
  tensor(label: string, bytes: number, uploaded = false): BindingTarget & { readonly kind: "tensor" } {
    const first = uploaded ? -1 : Number.POSITIVE_INFINITY;
    this.tensors.push({ label, bytes, first, last: -1 });
    return { kind: "tensor", tensor: this.tensors.length - 1 };
  }

  /** A kernel with a prelude gets it in front of it, and what it makes instead of the weights. */
  add(label: string, kernel: Kernel, bindings: readonly BindingTarget[]): void {
    if (kernel.bindings.length !== bindings.length)
      throw new Error(
        `${label}: ${kernel.label} has ${kernel.bindings.length} bindings, not ${bindings.length}`,
      );
    const { prelude } = kernel;
    if (!prelude) {
      this.push({ label, kernel, bindings });
      return;
    }
    const packed = this.tensor(`weights of ${label}`, prelude.bytes);
    const weights = bindings[packedIndexOf(kernel)] as BindingTarget;
    this.push({ label: `${label} weights`, kernel: prelude.kernel, bindings: [weights, packed] });
    const bound = bindings.map((target) => (target === weights ? packed : target));
    this.push({ label, kernel, bindings: bound, weights });
  }

  private push(dispatch: PlannedDispatch): void {
    for (const target of dispatch.bindings) {
      if (target.kind !== "tensor") continue;
      const draft = this.tensors[target.tensor] as Draft;
      draft.first = Math.min(draft.first, this.dispatches.length);
      draft.last = Math.max(draft.last, this.dispatches.length);
    }
    this.dispatches.push(dispatch);
  }

  /** The tensor is read after the last dispatch. */
  keep({ tensor }: { readonly tensor: number }): void {
    (this.tensors[tensor] as Draft).last = Number.POSITIVE_INFINITY;
  }

  finish(): Plan {
    const count = this.dispatches.length;
    const drafts = this.tensors.map((draft) => ({ ...draft, last: Math.min(draft.last, count) }));
    const { slots: largest, slotOf } = placeInSlots(drafts);
    const slots = largest.map(bufferBytes);
    return {
      dispatches: this.dispatches,
      tensors: drafts.map((draft, index) => ({ ...draft, slot: slotOf[index] as number })),
      slots,
      slotBytes: slots.reduce((sum, bytes) => sum + bytes, 0),
      flops: this.dispatches.reduce((sum, { kernel }) => sum + kernel.flops, 0),
      bytesMoved: this.dispatches.reduce((sum, { kernel }) => sum + kernel.bytes, 0),
    };
  }
}

/** Where a kernel with a prelude binds what that makes. */
export function packedIndexOf({ bindings }: Kernel): number {
  return bindings.findIndex(({ name }) => name === "packed");
}

interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Tensors whose lifetimes do not meet share a slot, a buffer of its own. Largest first, each goes to the slot that it
 * wastes least (greedy by size, Pisarchyk & Lee 2020). Slots instead of offsets in an arena: two live tensors
 * are never in one buffer, so a dispatch may read one and write the other, and no buffer is larger than one tensor.
 */
export function placeInSlots(tensors: readonly Lifetime[]): {
  readonly slots: number[];
  readonly slotOf: number[];
} {
  const slots: { readonly bytes: number; readonly members: Lifetime[] }[] = [];
  const slotOf: number[] = new Array(tensors.length).fill(0);
  const order = tensors
    .map((tensor, index) => ({ tensor, index }))
    .sort((a, b) => b.tensor.bytes - a.tensor.bytes || a.index - b.index);
  for (const { tensor, index } of order) {
    const meets = (other: Lifetime): boolean => tensor.first <= other.last && other.first <= tensor.last;
    // Slots are in order of falling size, so the last that is free wastes least.
    let found = slots.findLastIndex(({ members }) => !members.some(meets));
    if (found < 0) found = slots.push({ bytes: tensor.bytes, members: [] }) - 1;
    (slots[found] as (typeof slots)[number]).members.push(tensor);
    slotOf[index] = found;
  }
  return { slots: slots.map(({ bytes }) => bytes), slotOf };
}
