import type { Statistics, Synchroniser } from "@/engine/synchroniser";
import type { Command } from "./commands";
import { joined, RoundCalledOff, synchroniserBy } from "./statistics";

export interface StatisticsHubOptions {
  readonly isLost: (rank: number) => boolean;
  readonly tell: (rank: number, command: Command) => void;
  /** Waits for an answer while it watches those who have not told theirs. */
  readonly watched: (answer: Promise<Statistics>, late: () => readonly number[]) => Promise<Statistics>;
}

interface Round {
  readonly round: number;
  /** Who takes part. */
  readonly ranks: readonly number[];
  /** By rank, at the BatchNorm that all are at. */
  readonly told: Map<number, Statistics>;
  /** The leader's, while it waits. */
  own: { resolve(all: Statistics): void; reject(error: RoundCalledOff): void } | null;
}

/**
 * The leader's side of synchronised BatchNorm: takes every replica's statistics of the BatchNorm they have come to, sums them in
 * the order of the ranks (the same bits whoever is first), and answers all. No replica goes past a BatchNorm before
 * all are at it, so one at a time is open. The few kilobytes go from worker to worker, not by way of the averager.
 *
 * When a replica that takes part has gone, the round is called off for all that wait: the step is computed again.
 */
export class StatisticsHub {
  private readonly options: StatisticsHubOptions;
  private current: Round | null = null;

  constructor(options: StatisticsHubOptions) {
    this.options = options;
  }

  /** Before anyone hears of the round. */
  begin(round: number, ranks: readonly number[]): void {
    this.current = { round, ranks, told: new Map(), own: null };
    if (ranks.some((rank) => this.options.isLost(rank))) this.callOff(round);
  }

  /** The leader's own in this round. */
  synchroniser(round: number): Synchroniser {
    return synchroniserBy((statistics) => {
      const { current } = this;
      if (current?.round !== round) return Promise.reject(new RoundCalledOff(round));
      const answer = new Promise<Statistics>((resolve, reject) => {
        current.own = { resolve, reject };
      });
      this.take(0, round, statistics);
      return this.options.watched(answer, () => current.ranks.filter((rank) => !current.told.has(rank)));
    });
  }

  /** A replica's statistics of the BatchNorm it has come to. */
  take(rank: number, round: number, statistics: Statistics): void {
    const { current } = this;
    if (current?.round !== round || !current.ranks.includes(rank)) return;
    const { told, ranks, own } = current;
    told.set(rank, statistics);
    if (told.size < ranks.length) return;
    const all = joined(ranks.map((each) => told.get(each) as Statistics));
    told.clear();
    current.own = null;
    for (const each of ranks) if (each > 0) this.options.tell(each, { type: "statistics", round, ...all });
    own?.resolve(all);
  }

  /** A replica has gone. */
  lose(rank: number): void {
    if (this.current?.ranks.includes(rank)) this.callOff(this.current.round);
  }

  /** Nobody waits for this round any longer. */
  callOff(round: number): void {
    const { current } = this;
    if (!current || current.round > round) return;
    this.current = null;
    for (const rank of current.ranks) if (rank > 0) this.options.tell(rank, { type: "no-statistics", round });
    current.own?.reject(new RoundCalledOff(round));
  }
}
