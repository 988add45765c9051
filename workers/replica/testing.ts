import { LabError } from "@/contracts/failure";
import type { RunConfig } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import type { Executor } from "@/engine/executor";
import { evaluateTestSet, type TestSetResult } from "@/evaluation/testSet";
import type { RunControl } from "@/training/control";
import type { EventBatcher } from "@/training/events";
import { MessageTurn } from "@/training/turn";
import { storedLpips } from "../storedLpips";
import type { RunData } from "./data";

/**
 * Measures the best weights on the test images. Pauses between batches when asked to; null when the user cuts it short:
 * by a stop, or by a second one when the first has brought the run here.
 */
export async function testBestWeights(request: {
  readonly config: RunConfig;
  readonly data: RunData;
  readonly executor: Executor;
  readonly weights: StateDict;
  readonly stopped: boolean;
  readonly control: RunControl;
  readonly events: EventBatcher;
}): Promise<TestSetResult | null> {
  const { config, data, executor, weights, stopped, control, events } = request;
  const say = (phase: "testing" | "paused", note?: string): void => {
    events.emit(note === undefined ? { type: "phase", phase } : { type: "phase", phase, note });
  };
  const turn = new MessageTurn();
  const infer: Executor["infer"] = async (noisy, images) => {
    await turn.next();
    if (control.pauseWanted) {
      say("paused");
      events.flush();
      await control.untilContinued();
      say("testing");
    }
    return executor.infer(noisy, images);
  };
  say("testing");
  events.flush();
  const lpips = config.evaluation.metrics.includes("lpips") ? await storedLpips() : null;
  try {
    await executor.writeWeights(weights);
    return await evaluateTestSet({
      executor: { infer },
      reader: data.reader,
      indices: data.split.test,
      contentHashes: data.testHashes,
      noise: config.noise,
      seed: config.seed,
      batchSize: config.training.batchSize,
      lpips,
      onProgress: (done, total) => say("testing", `${done} of ${total} images`),
      shouldStop: () => (stopped ? control.hurryWanted : control.stopWanted),
    });
  } catch (error) {
    if (error instanceof LabError && error.failure.code === "run/cancelled") return null;
    throw error;
  } finally {
    lpips?.dispose();
    turn.close();
  }
}
