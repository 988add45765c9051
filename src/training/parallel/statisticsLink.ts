import type { Statistics, Synchroniser } from "@/engine/synchroniser";
import type { Command, Report } from "./commands";
import { RoundCalledOff, synchroniserBy } from "./statistics";

type Answer = Extract<Command, { type: "statistics" | "no-statistics" }>;

export const isAnswer = (command: Command): command is Answer =>
  command.type === "statistics" || command.type === "no-statistics";

/** A follower's side of synchronised BatchNorm: tells the leader its statistics and waits for those of all. */
export class StatisticsLink {
  private readonly tell: (report: Report) => void;
  private waiting: {
    readonly round: number;
    resolve(all: Statistics): void;
    reject(error: RoundCalledOff): void;
  } | null = null;
  private calledOff = 0;

  constructor(tell: (report: Report) => void) {
    this.tell = tell;
  }

  synchroniser(round: number): Synchroniser {
    return synchroniserBy((own) => {
      if (round <= this.calledOff) return Promise.reject(new RoundCalledOff(round));
      const answer = new Promise<Statistics>((resolve, reject) => {
        this.waiting = { round, resolve, reject };
      });
      this.tell({ type: "statistics", round, ...own });
      return answer;
    });
  }

  heard(answer: Answer): void {
    if (answer.type === "no-statistics") this.calledOff = Math.max(this.calledOff, answer.round);
    const { waiting } = this;
    if (!waiting || waiting.round > answer.round) return;
    this.waiting = null;
    if (answer.type === "statistics") waiting.resolve(answer);
    else waiting.reject(new RoundCalledOff(waiting.round));
  }
}
