import { toFailure } from "@/contracts/failure";
import type { Setup } from "@/contracts/runConfig";
import type { OptimizerState } from "@/contracts/tensors";
import type { Batch, Executor } from "@/engine/executor";
import type { PairMaker } from "../batches";
import { type Settled, settled, taken } from "../settled";
import type { Command, Report, Work } from "./commands";
import type { Exchange } from "./exchange";
import { type FlatLayout, unflatten } from "./flat";
import { LocalReplica } from "./localReplica";
import { isAnswer, StatisticsLink } from "./statisticsLink";

export interface FollowRequest {
  readonly kind: Setup["kind"];
  readonly leader: MessagePort;
  readonly exchange: Exchange;
  /** Stays the caller's: it is not disposed here. */
  readonly executor: Executor;
  readonly layout: FlatLayout;
  readonly pairs: Pick<PairMaker, "pairs">;
  readonly now: () => number;
  /** BatchNorm's statistics are those of all replicas. Absent: this one's own. */
  readonly synchronised?: boolean;
}

/** Works as the leader commands, until it says leave or this replica fails. */
export function follow(request: FollowRequest): Promise<void> {
  return new Follower(request).work();
}

class Follower {
  private readonly request: FollowRequest;
  private readonly local: LocalReplica;
  private readonly statistics: StatisticsLink | null;
  private readonly works = new Map<number, Promise<Settled<readonly Batch[]>>>();
  private learningRate = 0;

  constructor(request: FollowRequest) {
    this.request = request;
    this.local = new LocalReplica(request.executor, request.layout, request.exchange, request.now);
    this.statistics = request.synchronised ? new StatisticsLink((report) => this.tell(report)) : null;
  }

  work(): Promise<void> {
    const { leader, exchange } = this.request;
    return new Promise((resolve) => {
      let queue = Promise.resolve();
      let left = false;
      leader.onmessage = ({ data }: MessageEvent<Command>) => {
        // Reading goes on while the device computes; everything else is done in turn.
        if (data.type === "work") {
          this.prepare(data.id, data.work);
          return;
        }
        if (isAnswer(data)) {
          this.statistics?.heard(data);
          return;
        }
        queue = queue.then(async () => {
          if (left) return;
          try {
            if (data.type !== "leave") return await this.carryOut(data);
          } catch (error) {
            exchange.lost(toFailure(error).message);
          }
          left = true;
          leader.onmessage = null;
          resolve();
        });
      };
    });
  }

  private prepare(id: number, work: Work): void {
    // Of what was made ready and not asked for, nothing is kept.
    for (const earlier of this.works.keys()) if (earlier < id - 1) this.works.delete(earlier);
    this.works.set(id, settled(this.batchesOf(work)));
  }

  private async batchesOf(work: Work): Promise<readonly Batch[]> {
    if (work.kind === "pixels") return work.groups;
    return Promise.all(work.groups.map((indices) => this.request.pairs.pairs(indices, work.visit)));
  }

  private async carryOut(
    command: Exclude<Command, { type: "work" | "leave" | "statistics" | "no-statistics" }>,
  ): Promise<void> {
    const { executor } = this.request;
    switch (command.type) {
      case "restore":
        await executor.writeWeights(command.weights);
        await executor.writeOptimizer(command.optimizer.step > 0 ? command.optimizer : this.noMoments());
        break;
      case "step": {
        const { round, weights, workId } = command;
        this.learningRate = command.learningRate;
        if (command.parameters) await this.local.writeParameters(command.parameters);
        if (command.lossScale) executor.writeLossScale?.(command.lossScale);
        const batches = taken((await this.works.get(workId)) ?? { value: [] });
        this.works.delete(workId);
        this.local.begin();
        if (this.statistics) await this.together(round, batches, weights);
        else {
          await this.local.compute(batches);
          await this.finish(round, weights);
        }
        break;
      }
      case "again": {
        const { round, weights, work } = command;
        const batches = work ? await this.batchesOf(work) : [];
        if (this.statistics) await this.together(round, batches, weights);
        else {
          for (const batch of batches) await this.local.add(batch);
          await this.finish(round, weights);
        }
        break;
      }
      case "join":
        break;
      default:
        command satisfies never;
    }
  }

  /** All of this replica's images by the statistics of all; a round that was called off will come again. */
  private async together(
    round: number,
    batches: readonly Batch[],
    weights: readonly number[],
  ): Promise<void> {
    if (!this.statistics) return;
    if (await this.local.computeTogether(batches, this.statistics.synchroniser(round)))
      await this.finish(round, weights);
  }

  private async finish(round: number, weights: readonly number[]): Promise<void> {
    const { local } = this;
    const distributed = this.request.kind === "ddp";
    const { cancelled } = await local.average(round, weights, distributed);
    if (cancelled) return;
    this.tell({ type: "computed", round, lossSum: local.lossSum, images: local.images });
    if (distributed) await local.apply(this.learningRate);
    const { computeMs, exchangeMs, images } = local;
    this.tell({ type: "stepped", computeMs, exchangeMs, images });
  }

  /** Adam's state before the first step. */
  private noMoments(): OptimizerState {
    const { layout } = this.request;
    const zeros = unflatten(layout, new Float32Array(layout.floats));
    return { step: 0, firstMoments: zeros, secondMoments: zeros };
  }

  private tell(report: Report): void {
    this.request.leader.postMessage(report);
  }
}
