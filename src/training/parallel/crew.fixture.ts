import type { NoiseConfig, Setup } from "@/contracts/runConfig";
import type { Batch, Executor, ExecutorOptions } from "@/engine/executor";
import { ReferenceExecutor } from "@/engine/reference/executor";
import type { PairMaker } from "../batches";
import { taken } from "../settled";
import type { StepDone } from "../stepper";
import { Averager } from "./averager";
import { Exchange } from "./exchange";
import { flatAccess, flatLayout } from "./flat";
import { follow } from "./follower";
import { type GroupOptions, ReplicaGroup } from "./group";
import { GroupStepper } from "./groupStepper";
import type { Payload } from "./messages";

/** Replicas in one thread, each on an executor of its own, stepped by hand. */
export interface Crew {
  readonly group: ReplicaGroup;
  readonly averager: Averager;
  readonly executors: readonly Executor[];
  readonly lost: readonly string[];
  /** Step `number` (0-based) of an epoch. */
  step(epoch: number, number: number): Promise<StepDone>;
  epochDone(): void;
  close(): Promise<void>;
}

export interface CrewOptions extends Partial<Pick<GroupOptions, "balance" | "stallMs" | "synchronised">> {
  readonly setup: Setup;
  readonly options: ExecutorOptions;
  readonly train: Uint32Array;
  readonly batchSize: number;
  readonly pairsOf: (rank: number) => Pick<PairMaker, "pairs">;
  readonly shared?: boolean;
  readonly payload?: Payload;
  readonly learningRate?: number;
  readonly leastImages?: 1 | 2;
  /** Stands in for the plain executor of a rank. */
  readonly wrap?: (executor: Executor, rank: number) => Executor;
  readonly clockOf?: (rank: number) => () => number;
}

const NOISE: NoiseConfig = { mean: 0, std: 0.1, draw: "fresh" };

export async function crewOf(request: CrewOptions): Promise<Crew> {
  const { setup, options, shared = true, payload = "f32", learningRate = 1e-3 } = request;
  const clockOf = request.clockOf ?? (() => () => performance.now());
  const layout = flatLayout(options.graph);
  const averager = new Averager({ setup, shared });
  const exchanges = Array.from({ length: setup.replicas }, (_, rank) => {
    const { port1, port2 } = new MessageChannel();
    averager.connect(rank, port1);
    return new Exchange(port2);
  });
  const executors = exchanges.map((_, rank) => {
    const executor: Executor = new ReferenceExecutor(options);
    return request.wrap?.(executor, rank) ?? executor;
  });
  const ports: MessagePort[] = [];
  const following = exchanges.slice(1).map((exchange, index) => {
    const rank = index + 1;
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    return follow({
      kind: setup.kind,
      leader: port2,
      exchange,
      executor: executors[rank] as Executor,
      layout,
      pairs: request.pairsOf(rank),
      now: clockOf(rank),
      synchronised: request.synchronised ?? false,
    });
  });
  const lost: string[] = [];
  const exchange = exchanges[0] as Exchange;
  exchange.open(flatAccess(executors[0] as Executor, layout).floats, payload);
  const group = new ReplicaGroup({
    ...request,
    exchange,
    followers: ports.filter((_, index) => index % 2 === 0),
    now: () => performance.now(),
    onLost: (rank, reason) => lost.push(`${rank}: ${reason}`),
    onWaiting: () => undefined,
  });
  const stepper = new GroupStepper({
    group,
    executor: executors[0] as Executor,
    layout,
    pairs: request.pairsOf(0),
    train: request.train,
    seed: 1,
    noise: NOISE,
    batchSize: request.batchSize,
    leastImages: request.leastImages ?? 1,
    now: clockOf(0),
  });
  return {
    group,
    averager,
    executors,
    lost,
    step: async (epoch, number) => stepper.step(taken(await stepper.prepare(epoch, number)), learningRate),
    epochDone: () => stepper.epochDone(),
    close: async () => {
      group.close();
      await Promise.all(following.filter((_, index) => !group.isLost(index + 1)));
      averager.close();
      for (const each of exchanges) each.close();
      for (const port of ports) port.close();
    },
  };
}

/** Some of a batch's images. */
export function imagesOf(batch: Batch, first: number, images: number): Batch {
  const area = batch.noisy.length / batch.images;
  const cut = (pixels: Batch["noisy"]) => pixels.slice(first * area, (first + images) * area);
  return { images, noisy: cut(batch.noisy), clean: cut(batch.clean) };
}
