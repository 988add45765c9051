import {
  type GradientSums,
  joinedMoments,
  joinedSums,
  type Moments,
  type Synchroniser,
} from "./synchroniser";

/** Synchronisers of replicas in one thread; each waits until all have asked as often. */
export function meeting(replicas: number): readonly Synchroniser[] {
  const meet = <T>(join: (parts: readonly T[]) => T): ((rank: number, own: T) => Promise<T>) => {
    let parts = new Map<number, T>();
    let waiting: ((all: T) => void)[] = [];
    return (rank, own) =>
      new Promise((resolve) => {
        parts.set(rank, own);
        waiting.push(resolve);
        if (parts.size < replicas) return;
        const all = join([...parts].sort(([a], [b]) => a - b).map(([, part]) => part));
        const told = waiting;
        parts = new Map();
        waiting = [];
        for (const tell of told) tell(all);
      });
  };
  const moments = meet<Moments>(joinedMoments);
  const sums = meet<GradientSums>(joinedSums);
  return Array.from({ length: replicas }, (_, rank) => ({
    moments: (own) => moments(rank, own),
    sums: (own) => sums(rank, own),
  }));
}

/** Refuses the exchange of this number (from 0), and lets those before it pass alone. */
export function refusing(at: number, error: Error): Synchroniser {
  let asked = 0;
  const pass = async <T>(own: T): Promise<T> => {
    if (asked++ === at) throw error;
    return own;
  };
  return { moments: pass, sums: pass };
}
