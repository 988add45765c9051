import type { NoiseConfig } from "@/contracts/runConfig";
import type { ReplicaStatus } from "@/contracts/training";
import type { Batch, Executor } from "@/engine/executor";
import { type PairMaker, trainingVisit } from "../batches";
import { type Settled, settled } from "../settled";
import { orderByEpoch, type StepDone, type Stepper } from "../stepper";
import type { TraceBatch } from "../trace";
import type { Work } from "./commands";
import type { FlatLayout } from "./flat";
import type { ReplicaGroup } from "./group";
import { LocalReplica } from "./localReplica";
import { divide, evenGroups, stepParts, withoutLone } from "./sharding";

export interface GroupStepperRequest {
  readonly group: ReplicaGroup;
  readonly executor: Executor;
  readonly layout: FlatLayout;
  readonly pairs: Pick<PairMaker, "pairs">;
  readonly train: Uint32Array;
  readonly seed: number;
  readonly noise: NoiseConfig;
  readonly batchSize: number;
  /** Images that BatchNorm needs at once, where each replica has its own statistics: 2 at a size that ends in one pixel. Default: 1. */
  readonly leastImages?: 1 | 2;
  readonly now: () => number;
}

interface Prepared {
  readonly workId: number;
  readonly visit: number;
  /** Images by rank. */
  readonly parts: readonly Uint32Array[];
  readonly own: readonly Batch[];
}

/**
 * Steps made by several replicas, seen from the leader (rank 0). `ddp`: each computes the gradients of its part, all get the
 * mean and apply the same update. `dp`: the leader sends pixels and parameters out, gets the mean, and updates alone.
 */
export class GroupStepper implements Stepper<Prepared> {
  private readonly request: GroupStepperRequest;
  private readonly local: LocalReplica;
  private readonly order: (epoch: number) => Uint32Array;
  private workIds = 0;

  constructor(request: GroupStepperRequest) {
    this.request = request;
    const { executor, layout, group, now } = request;
    this.local = new LocalReplica(executor, layout, group.exchange, now);
    this.order = orderByEpoch(request.train, request.seed);
  }

  prepare(epoch: number, number: number): Promise<Settled<Prepared>> {
    const { group, noise, batchSize } = this.request;
    const parts = this.large(stepParts(group.setup, this.order(epoch), number, batchSize, group.shares));
    const visit = trainingVisit(noise, epoch);
    this.workIds++;
    return settled(this.handOut(this.workIds, parts, visit));
  }

  async step({ workId, visit, parts, own }: Prepared, learningRate: number): Promise<StepDone> {
    const { group } = this.request;
    const { local } = this;
    let round = group.nextRound();
    const total = imagesOf(parts);
    const assigned = parts.map(({ length }) => length);
    const takers = ranksOf(parts);
    try {
      group.statistics?.begin(round, takers);
      await this.begin(takers, { round, workId, weights: weightsOf(assigned), learningRate });
      local.begin();
      let isDone = await this.averaged(round, assigned, own, true);
      let missing = parts;
      while (!isDone) {
        round = group.nextRound();
        const { next, batches } = await this.takeOver(round, visit, missing, assigned);
        missing = next;
        isDone = await this.averaged(round, assigned, batches, false);
      }
      await local.apply(learningRate);
    } catch (error) {
      group.reset();
      throw error;
    }
    group.measured(0, local.images, local.computeMs, local.exchangeMs);
    group.stepDone(assigned);
    let { lossSum, images } = local;
    for (const rank of takers) {
      if (rank === 0 || assigned[rank] === 0) continue;
      const part = await group.computed(rank, round);
      lossSum += part?.lossSum ?? 0;
      images += part?.images ?? 0;
    }
    return { loss: lossSum / images, images: total, seen: () => this.seen(parts, visit) };
  }

  /**
   * Computes the leader's batches and takes part in the round. False: it was cancelled. With synchronised statistics the
   * batches are all of the leader's images, else those that it has not computed yet.
   */
  private async averaged(
    round: number,
    images: readonly number[],
    batches: readonly Batch[],
    isFirst: boolean,
  ): Promise<boolean> {
    const { local } = this;
    const { group } = this.request;
    if (group.statistics) {
      if (!(await local.computeTogether(batches, group.statistics.synchroniser(round)))) return false;
    } else if (isFirst) await local.compute(batches);
    else for (const batch of batches) await local.add(batch);
    const { cancelled } = await group.watched(round, local.average(round, weightsOf(images), true));
    return !cancelled;
  }

  epochDone(): void {
    this.request.group.rebalance();
  }

  replicas(): readonly ReplicaStatus[] {
    return this.request.group.status();
  }

  /** Tells the followers what they will compute, and reads the leader's own part. */
  private async handOut(workId: number, parts: readonly Uint32Array[], visit: number): Promise<Prepared> {
    const { group } = this.request;
    for (const [rank, part] of parts.entries()) {
      if (rank === 0 || part.length === 0) continue;
      const { work, transfer } = await this.workOf(part, visit);
      group.tell(rank, { type: "work", id: workId, work }, transfer);
    }
    return { workId, visit, parts, own: await this.batchesOf(parts[0] ?? new Uint32Array(), visit) };
  }

  private async workOf(part: Uint32Array, visit: number): Promise<{ work: Work; transfer: Transferable[] }> {
    const { group } = this.request;
    if (group.setup.kind === "ddp") {
      const groups = this.groupsOf(part).map((images) => Uint32Array.from(images));
      return { work: { kind: "images", groups, visit }, transfer: [] };
    }
    const groups = await this.batchesOf(part, visit);
    const transfer = groups.flatMap(({ noisy, clean }) => [noisy.buffer, clean.buffer]);
    return { work: { kind: "pixels", groups }, transfer };
  }

  private batchesOf(part: Uint32Array, visit: number): Promise<Batch[]> {
    const { pairs } = this.request;
    return Promise.all(this.groupsOf(part).map((images) => pairs.pairs(images, visit)));
  }

  /** What one device computes at a time: statistics of all images need all of them on the way at once. */
  private groupsOf(part: Uint32Array): Uint32Array[] {
    const { group, batchSize, leastImages = 1 } = this.request;
    if (group.statistics) return evenGroups(part, Math.max(1, part.length));
    return evenGroups(part, batchSize, leastImages);
  }

  /** Parts that BatchNorm can normalise by their own statistics. */
  private large(parts: Uint32Array[]): Uint32Array[] {
    const { group, leastImages = 1 } = this.request;
    return group.statistics || leastImages === 1 ? parts : withoutLone(parts);
  }

  private async begin(
    takers: readonly number[],
    step: {
      readonly round: number;
      readonly workId: number;
      readonly weights: readonly number[];
      readonly learningRate: number;
    },
  ): Promise<void> {
    const { group, executor } = this.request;
    const parameters = group.setup.kind === "dp" ? await this.local.readParameters() : null;
    const lossScale = parameters ? (executor.readLossScale?.() ?? null) : null;
    for (const rank of takers)
      if (rank > 0) group.tell(rank, { type: "step", ...step, parameters, lossScale });
  }

  /**
   * A replica has gone in the middle of a step: the others compute its images too, and the step is the whole batch's all the
   * same. Returns who now has which images, and the leader's batches to compute. Where statistics are synchronised, those of
   * the replica that has gone are in everybody's numbers, so that all images are computed again; else only its own.
   */
  private async takeOver(
    round: number,
    visit: number,
    parts: readonly Uint32Array[],
    assigned: number[],
  ): Promise<{ readonly next: Uint32Array[]; readonly batches: readonly Batch[] }> {
    const { group } = this.request;
    const orphans = parts.flatMap((part, rank) => (group.isLost(rank) ? [...part] : []));
    const shares = group.shares.map((share, rank) => ((assigned[rank] as number) > 0 ? share : 0));
    const extra = this.large(divide(group.setup.kind, Uint32Array.from(orphans), shares));
    const next = parts.map((part, rank) =>
      group.isLost(rank) ? new Uint32Array() : Uint32Array.from([...part, ...(extra[rank] ?? [])]),
    );
    for (const [rank, part] of next.entries()) assigned[rank] = part.length;
    group.statistics?.begin(round, ranksOf(next));
    const weights = weightsOf(assigned);
    const parcels = group.statistics ? next : extra;
    for (const [rank, part] of parcels.entries()) {
      if (rank === 0 || assigned[rank] === 0) continue;
      const { work, transfer } = await this.workOf(part, visit);
      group.tell(rank, { type: "again", round, weights, work }, transfer);
    }
    return { next, batches: await this.batchesOf(parcels[0] ?? new Uint32Array(), visit) };
  }

  /** Made again from the stored images: noise is a function of image and visit. */
  private async seen(parts: readonly Uint32Array[], visit: number): Promise<TraceBatch> {
    const all = Uint32Array.from(parts.flatMap((part) => [...part]));
    const batch = await this.request.pairs.pairs(all, visit);
    return { ...batch, replicas: parts.map(({ length }) => length) };
  }
}

const imagesOf = (parts: readonly Uint32Array[]): number =>
  parts.reduce((sum, { length }) => sum + length, 0);

const ranksOf = (parts: readonly Uint32Array[]): number[] =>
  parts.flatMap(({ length }, rank) => (length > 0 ? [rank] : []));

function weightsOf(images: readonly number[]): number[] {
  const total = images.reduce((sum, count) => sum + count, 0);
  return images.map((count) => count / total);
}
