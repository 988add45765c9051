import { LabError, toFailure } from "@/contracts/failure";
import { isSynchronised, setupOf } from "@/contracts/runConfig";
import type { FollowerLinks } from "@/contracts/workers";
import { wishAdapter } from "@/engine/adapter";
import { PairMaker } from "@/training/batches";
import type { Command, JoinRequest, Report } from "@/training/parallel/commands";
import { Exchange } from "@/training/parallel/exchange";
import { flatLayout } from "@/training/parallel/flat";
import { follow } from "@/training/parallel/follower";
import { executorOptions, graphOf, letGo, preparedExecutor } from "./continuing";
import { openRunData } from "./data";
import type { SessionContext } from "./engines";

/** One of several replicas, from its leader's first word to the last. Failures are told to the leader. */
export async function followLeader(
  { leader, averager }: FollowerLinks,
  engines: SessionContext["engines"],
  now: () => number,
): Promise<void> {
  const exchange = new Exchange(averager);
  const tell = (report: Report): void => leader.postMessage(report);
  try {
    const request = await invitation(leader);
    const { config } = request;
    try {
      const executor = await executorFor(request, engines);
      try {
        const { reader } = await openRunData(config);
        const following = follow({
          kind: setupOf(config).kind,
          leader,
          exchange,
          executor,
          layout: flatLayout(graphOf(config)),
          pairs: new PairMaker(reader, config.noise, config.seed),
          now,
          synchronised: isSynchronised(config),
        });
        tell({ type: "joined", adapter: executor.info.adapter });
        await following;
      } finally {
        await letGo(executor);
      }
    } catch (error) {
      tell({ type: "failed", failure: toFailure(error) });
    }
  } finally {
    exchange.close();
    leader.close();
  }
}

function invitation(leader: MessagePort): Promise<JoinRequest> {
  return new Promise((resolve) => {
    leader.onmessage = ({ data }: MessageEvent<Command>) => {
      if (data.type === "join") resolve(data);
    };
  });
}

async function executorFor(request: JoinRequest, engines: SessionContext["engines"]) {
  const { config, weights, tuning, adapter } = request;
  wishAdapter(adapter);
  const engine = engines.get(request.engine);
  if (!engine)
    throw new LabError(
      "engine/unavailable",
      `Engine ${request.engine} is not known to this replica.`,
      "Reload the page.",
    );
  const options = { ...executorOptions(config, weights), tuning };
  return (await preparedExecutor(engine, options, config)).executor;
}
