import { LabError } from "@/contracts/failure";
import { placeOfLoss, type Recovery } from "@/contracts/recovery";
import { isSynchronised, type RunConfig, setupOf } from "@/contracts/runConfig";
import { distinctAdapters, isSameAdapter } from "@/engine/adapter";
import type { Executor } from "@/engine/executor";
import type { CheckpointRecord } from "@/storage/database";
import { getRun, updateRun } from "@/storage/runs";
import { Exchange } from "@/training/parallel/exchange";
import { flatAccess, flatLayout } from "@/training/parallel/flat";
import { ReplicaGroup } from "@/training/parallel/group";
import { graphOf } from "./continuing";
import type { SessionContext } from "./engines";

/** Engines whose adapter can be chosen. */
const ON_ADAPTERS = /^(webgpu|tfjs-webgpu)$/;

/**
 * The other replicas of a run, at work and at the same checkpoint; null for a run of one. They share the adapters that the
 * browser tells apart. Throws what kept one of them from starting.
 */
export async function assembleGroup(
  run: {
    readonly runId: string;
    readonly config: RunConfig;
    readonly checkpoint: CheckpointRecord;
    readonly executor: Executor;
  },
  context: SessionContext,
): Promise<ReplicaGroup | null> {
  const { config, checkpoint, executor } = run;
  const setup = setupOf(config);
  if (setup.kind === "single") return null;
  const { links, events, now } = context;
  if (links?.followers.length !== setup.replicas - 1)
    throw new LabError(
      "run/replicas",
      `${config.engine.setup} needs ${setup.replicas - 1} more workers; ${links?.followers.length ?? 0} were started.`,
      "Start the run again.",
    );
  const exchange = new Exchange(links.averager);
  const group = new ReplicaGroup({
    setup,
    exchange,
    followers: links.followers,
    now,
    synchronised: isSynchronised(config),
    onLost: noteLosses(run.runId, context),
    onWaiting: (seconds) => {
      const note = seconds === null ? {} : { note: `waiting for other replicas, ${seconds} s` };
      events.emit({ type: "phase", phase: "training", ...note });
      events.flush();
    },
  });
  events.emit({ type: "phase", phase: "preparing", note: `starting ${setup.replicas} replicas` });
  events.flush();
  exchange.open(flatAccess(executor, flatLayout(graphOf(config))).floats, config.engine.payload ?? "f32");
  const adapters = ON_ADAPTERS.test(checkpoint.engine) ? await distinctAdapters() : [];
  const { adapter } = executor.info;
  try {
    await group.join(adapter, checkpoint.engine, (rank) => {
      const chosen = adapters[rank % adapters.length];
      return {
        config,
        engine: checkpoint.engine,
        // Another adapter has other best kernels; its defaults are right everywhere.
        tuning: !chosen || isSameAdapter(chosen.adapter, adapter) ? (checkpoint.tuning ?? {}) : {},
        weights: checkpoint.weights,
        adapter: chosen?.wish ?? "high-performance",
      };
    });
  } catch (error) {
    group.close();
    throw error;
  }
  if (checkpoint.replicas) group.continueFrom(checkpoint.replicas);
  return group;
}

/** Writes into the run, and tells, that a replica is gone; one after the other. */
function noteLosses(runId: string, { events }: SessionContext): (replica: number, reason: string) => void {
  let written = Promise.resolve();
  return (replica, reason) => {
    const step = events.stepsDone;
    const recovery: Recovery = { step, checkpointStep: step, reason, atMs: Date.now(), replica };
    written = written
      .then(async () => {
        const { recoveries } = await getRun(runId);
        await updateRun(runId, { recoveries: [...recoveries, recovery] });
      })
      // The run was deleted, or never began: its own failure is the one to report.
      .catch((error: unknown) => console.warn(`replica ${replica} was lost ${placeOfLoss(step)}`, error));
    events.emit({ type: "recovered", recovery });
    events.flush();
  };
}

/** What the user should know of the devices of several replicas. */
export function notesOnReplicas(group: ReplicaGroup | null): string[] {
  if (!group) return [];
  const status = group.status();
  const names = [...new Set(status.filter(({ shared }) => shared).map(({ adapter }) => adapter))];
  return names.map((name) => {
    const count = status.filter(({ adapter, shared }) => shared && adapter === name).length;
    const what = name === "processor" ? "the processor" : `one GPU (${name})`;
    return `${count} replicas share ${what}: they show how data-parallel training works, and no speed-up is claimed for them.`;
  });
}
