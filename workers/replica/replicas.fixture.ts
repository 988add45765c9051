import type { RunConfig } from "@/contracts/runConfig";
import { setupOf } from "@/contracts/runConfig";
import type { Engine } from "@/engine/executor";
import { Averager } from "@/training/parallel/averager";
import { followLeader } from "./followLeader";
import { CONFIG, engineWith, type Thread, thread } from "./session.fixture";

/** Several replicas in one thread, as the bridge would start them, for tests of whole runs. */
export interface Replicas extends Thread {
  readonly averager: Averager;
  /** Resolves when every follower has left. */
  readonly followed: Promise<unknown>;
}

export interface ReplicasOptions {
  readonly shared?: boolean;
  /** The engine of each rank. */
  readonly engineOf?: (rank: number) => Engine;
}

export const configOf = (setup: string, more: Partial<RunConfig> = {}): RunConfig => ({
  ...CONFIG,
  ...more,
  engine: { ...CONFIG.engine, ...more.engine, setup },
});

export function replicasOf(
  config: RunConfig,
  { shared = true, engineOf = () => hooked() }: ReplicasOptions = {},
): Replicas {
  const setup = setupOf(config);
  const averager = new Averager({ setup, shared });
  const portTo = (rank: number): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    averager.connect(rank, port1);
    return port2;
  };
  const followers: MessagePort[] = [];
  const following = Array.from({ length: setup.replicas - 1 }, (_, index) => {
    const rank = index + 1;
    const engine = engineOf(rank);
    const { port1, port2 } = new MessageChannel();
    followers.push(port1);
    const engines = { get: () => engine, choose: async () => ({ engine, timingsMs: {} }) };
    return followLeader({ averager: portTo(rank), leader: port2 }, engines, () => performance.now());
  });
  const links = { averager: portTo(0), followers };
  return { ...thread(engineOf(0), 50, links), averager, followed: Promise.all(following) };
}

/**
 * The reference engine, its state rounded to float32 after each update, as an engine that keeps float32 has it. `before` is
 * called before each batch's gradients with the number of updates made so far and one more.
 */
export function hooked(before: (step: number) => Promise<void> | void = () => undefined): Engine {
  const engine = engineWith(() => undefined);
  return {
    ...engine,
    create: async (options) => {
      const executor = await engine.create(options);
      const compute = executor.computeGradients.bind(executor);
      const apply = executor.applyGradients.bind(executor);
      executor.computeGradients = async (batch, synchroniser) => {
        await before((await executor.readOptimizer()).step + 1);
        return compute(batch, synchroniser);
      };
      executor.applyGradients = async (learningRate) => {
        await apply(learningRate);
        await executor.writeWeights(await executor.readWeights());
        await executor.writeOptimizer(await executor.readOptimizer());
      };
      return executor;
    },
  };
}
