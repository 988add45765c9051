import { LabError } from "@/contracts/failure";
import {
  type GradientSums,
  joinedMoments,
  joinedSums,
  type Moments,
  type Statistics,
  type Synchroniser,
} from "@/engine/synchroniser";

/** A round's statistics will not come: a replica has gone, or the leader begins anew. Whoever computes lets go of the batch. */
export class RoundCalledOff extends LabError {
  constructor(round: number) {
    super(
      "run/called-off",
      `Round ${round} of the replicas' statistics was called off.`,
      "Compute the step again.",
    );
  }
}

/** A synchroniser by a function that takes any statistics and resolves to those of the same kind. */
export function synchroniserBy(exchanged: (own: Statistics) => Promise<Statistics>): Synchroniser {
  return {
    moments: async (values) => (await exchanged({ kind: "moments", values })).values as Moments,
    sums: async (values) => (await exchanged({ kind: "sums", values })).values as GradientSums,
  };
}

/** Tells how long its caller has waited for other replicas. */
export class TimedSynchroniser implements Synchroniser {
  ms = 0;
  private readonly inner: Synchroniser;
  private readonly now: () => number;

  constructor(inner: Synchroniser, now: () => number) {
    this.inner = inner;
    this.now = now;
  }

  moments(own: Moments): Promise<Moments> {
    return this.timed(this.inner.moments(own));
  }

  sums(own: GradientSums): Promise<GradientSums> {
    return this.timed(this.inner.sums(own));
  }

  private async timed<T>(answer: Promise<T>): Promise<T> {
    const begunMs = this.now();
    try {
      return await answer;
    } finally {
      this.ms += this.now() - begunMs;
    }
  }
}

/** Those of all parts together, which are of one kind. The order of the parts is the order of the sums. */
export function joined(parts: readonly Statistics[]): Statistics {
  const moments = parts.flatMap((part) => (part.kind === "moments" ? [part.values] : []));
  const sums = parts.flatMap((part) => (part.kind === "sums" ? [part.values] : []));
  if (moments.length > 0 && sums.length > 0)
    throw new RangeError("statistics of a forward pass beside those of a backward pass");
  return sums.length > 0
    ? { kind: "sums", values: joinedSums(sums) }
    : { kind: "moments", values: joinedMoments(moments) };
}
