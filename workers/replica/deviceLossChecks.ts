import { expect } from "vitest";
import type { RunConfig } from "@/contracts/runConfig";
import type { Engine } from "@/engine/executor";
import { acquireDevice } from "@/engine/webgpu/device";
import { webgpuEngine } from "@/engine/webgpu/engine";
import { getRun } from "@/storage/runs";
import { CONFIG, numbersOf, start, storeDataset, thread } from "./session.fixture";

/** The lab's own engine in a whole session, for tests in Node and in the browser. */

const RUN: RunConfig = {
  ...CONFIG,
  training: { ...CONFIG.training, batchSize: 2, epochs: 2 },
  engine: { ...CONFIG.engine, name: "webgpu" },
};

type Call = "trainStep" | "infer";

/** The engine with `before` called ahead of each of its executors' calls, told how many of that kind came before. */
function engineWith(before: (call: Call, earlier: number) => Promise<void>): Engine {
  const counts: Record<Call, number> = { trainStep: 0, infer: 0 };
  return {
    ...webgpuEngine,
    create: async (options) => {
      const executor = await webgpuEngine.create(options);
      const trainStep = executor.trainStep.bind(executor);
      const infer = executor.infer.bind(executor);
      executor.trainStep = async (batch, learningRate) => {
        await before("trainStep", counts.trainStep++);
        return trainStep(batch, learningRate);
      };
      executor.infer = async (noisy, images) => {
        await before("infer", counts.infer++);
        return infer(noisy, images);
      };
      return executor;
    },
  };
}

/** A device destroyed in a validation, in a step and in the test: the run ends with the bits of an undisturbed one. */
export async function checkRecovery(): Promise<void> {
  await storeDataset();
  await start(thread(engineWith(async () => undefined)), "whole", RUN);
  const expected = await numbersOf("whole");
  expect(expected).toMatchObject({ status: "done", step: 8 });

  const lostIn: string[] = [];
  const lose = async (where: string): Promise<void> => {
    lostIn.push(where);
    (await acquireDevice()).device.destroy();
  };
  const phaseOf = () =>
    mine.events.findLast((event) => event.type === "phase" && event.phase !== "recovering");
  const mine = thread(
    engineWith(async (call, earlier) => {
      // Four steps, lost in their validation; the same four again, a fifth, and lost in the sixth.
      if (call === "trainStep" && earlier === 9) return lose("training");
      const event = phaseOf();
      const phase = event?.type === "phase" ? event.phase : null;
      if (call !== "infer" || (phase !== "validating" && phase !== "testing")) return;
      if (!lostIn.includes(phase)) await lose(phase);
    }),
  );
  await start(mine, "lost", RUN);
  expect(lostIn).toEqual(["validating", "training", "testing"]);
  const { recoveries } = await getRun("lost");
  expect(recoveries.map(({ step, checkpointStep }) => [step, checkpointStep])).toEqual([
    [4, 0],
    [5, 4],
    [8, 8],
  ]);
  expect(await numbersOf("lost")).toEqual(expected);
}
